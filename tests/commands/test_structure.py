"""What `stats` finds of tensors whose scheme says where values stand, or how rows relate."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import initcli
from initcli.cli.boundary import main
from initcli.core.dtypes import DTYPES
from initcli.engine import structure
from initcli.engine.draw import draw_tensor
from initcli.reports.stats import StatsReport
from raw import DRAWABLE, draw_of
from reported import by_name, found, matrix

SCHEMES = [
    ("eye", (16, 40)),
    ("eye", (40, 16)),
    ("eye", (1, 9)),
    ("dirac", (8, 4, 3, 3)),
    ("dirac(2)", (8, 4, 5)),
    ("orthogonal", (24, 24)),
    ("orthogonal(gain=relu)", (16, 4, 3, 3)),
    ("orthogonal", (1, 9)),
    ("orthogonal", (9, 1)),
    ("delta_orthogonal", (9, 4, 3, 3)),
    ("delta_orthogonal(2)", (6, 6, 4)),
    ("sparse(0.3, 0.1)", (20, 30)),
    ("sparse(0.3, 0.1)", (2, 30)),
    ("mimetic(query, 4)", (32, 64)),
    ("mimetic(query, 1)", (64, 64)),
    ("mimetic(output, 1)", (48, 24)),
    ("mimetic(qkv, 2)", (72, 48)),
]


def written(directory: Path, values: torch.Tensor, code: str = "F32") -> Path:
    path = directory / "w.safetensors"
    stored = values.to(getattr(torch, DTYPES[code].torch)).contiguous()
    save_file({"layer.weight": stored, "layer.bias": torch.zeros(3)}, path)
    return path


def drawn(text: str, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return draw_tensor(draw_of(text, shape), shape, seed, "layer.weight")


def held(path: Path, text: str) -> StatsReport:
    return initcli.stats(path, scheme=text, select="layer.weight", fail_on="never")


@pytest.mark.parametrize("code", DRAWABLE)
@pytest.mark.parametrize(("text", "shape"), SCHEMES)
def test_what_a_scheme_draws_has_its_structure_in_every_dtype(
    tmp_path: Path, text: str, shape: tuple[int, ...], code: str
) -> None:
    report = held(written(tmp_path, drawn(text, shape), code), text)
    assert found(report, "IC203") == {}
    assert by_name(report)["layer.weight"].structure == "ok"


def permuted() -> torch.Tensor:
    values = torch.eye(64)
    values[[0, 1]] = values[[1, 0]]
    return values


def same_energy() -> torch.Tensor:
    values = matrix(48, 64)
    return values * math.sqrt(48) / values.norm()


def equal_rows() -> torch.Tensor:
    values = drawn("orthogonal", (48, 64))
    values[7] = values[5]
    return values


def one_zero_moved() -> torch.Tensor:
    values = drawn("sparse(0.5, 1)", (10, 8))
    row = int((values[:, 3] != 0).nonzero()[0])
    other = int((values[:, 5] == 0).nonzero()[0])
    values[other, 5], values[row, 3] = values[row, 3].clone(), 0.0
    return values


def swapped_taps() -> torch.Tensor:
    return drawn("dirac", (8, 4, 3)).roll(1, 2)


def beside_the_centre() -> torch.Tensor:
    values = drawn("delta_orthogonal", (8, 4, 3, 3))
    values[2, 1, 0, 1] = 0.5
    return values


def bent_centre() -> torch.Tensor:
    values = drawn("delta_orthogonal", (8, 4, 3))
    values[:, 3, 1] = values[:, 2, 1]
    return values


def equal_in_head() -> torch.Tensor:
    values = drawn("mimetic(query, 4)", (32, 64))
    values[11] = 0.5 * values[13]
    return values


SKEW = "are not orthogonal: their cosines are off I by"
NAN = torch.eye(8)
NAN[2, 5] = math.nan

FAULTS = [
    (permuted(), "eye", "4 of 4,096 values are not the pattern's; first at [0, 0]: 0, 1 expected"),
    (NAN, "eye", "1 of 64 values is not the pattern's; first at [2, 5]: nan, 0 expected"),
    (swapped_taps(), "dirac", "8 of 96 values are not the pattern's; first at [0, 0, 1]: 0, 1"),
    (same_energy(), "orthogonal", "W·Wᵀ is off 1·I by "),
    (same_energy().T, "orthogonal", "Wᵀ·W is off 1·I by "),
    (equal_rows(), "orthogonal", "W·Wᵀ is off 1·I by 1 (tolerance "),
    (
        beside_the_centre(),
        "delta_orthogonal",
        "1 of 288 values is not the pattern's; first at [2, 1, 0, 1]: 0.5, 0 expected",
    ),
    (bent_centre(), "delta_orthogonal", "Wᵀ·W is off 1·I by 1 (tolerance "),
    (
        one_zero_moved(),
        "sparse(0.5, 1)",
        "2 of 8 columns are off: column 3 holds 6 zeros, 5 expected",
    ),
    (equal_in_head(), "mimetic(query, 4)", f"rows 8 to 15 {SKEW} 1 (tolerance "),
    (equal_in_head().T, "mimetic(output, 1)", f"columns 0 to 31 {SKEW} "),
    (matrix(32, 64), "mimetic(query, 4)", f"rows 0 to 7 {SKEW} "),
]


@pytest.mark.parametrize("code", ["F64", "F32", "BF16", "F16"])
@pytest.mark.parametrize(("values", "text", "expected"), FAULTS)
def test_what_is_missing_is_named_with_its_place(
    tmp_path: Path, values: torch.Tensor, text: str, expected: str, code: str
) -> None:
    report = held(written(tmp_path, values, code), text)
    (message,) = found(report, "IC203").values()
    assert message.startswith(expected)
    row = by_name(report)["layer.weight"]
    assert (row.structure, str(row.verdict)[-13:]) == (message, "structure off")


@pytest.mark.parametrize("code", ["F32", "BF16"])
def test_every_expert_is_an_isometry_of_its_own(tmp_path: Path, code: str) -> None:
    asked = {"scheme": "orthogonal(fans=layer)", "layout": "linear(stacked=1)"}
    source, path = written(tmp_path, torch.ones(4, 24, 40), code), tmp_path / "drawn.safetensors"
    initcli.init(source, path, **asked, select="layer.weight")
    values = load_file(path)["layer.weight"].double()
    gram = values @ values.transpose(1, 2)
    torch.testing.assert_close(gram, torch.eye(24).double().expand(4, 24, 24), atol=0.02, rtol=0)
    assert initcli.stats(path, **asked, select="layer.weight").passed
    values[2, 7] = values[2, 5]
    torn = written(tmp_path, values, code)
    report = initcli.stats(torn, **asked, select="layer.weight", fail_on="never")
    (message,) = found(report, "IC203").values()
    assert message.startswith("part 3 of 4: W·Wᵀ is off 1·I by 1")


def test_moments_alone_do_not_see_it(tmp_path: Path) -> None:
    report = initcli.stats(written(tmp_path, permuted()), scheme="eye")
    assert not report.passed
    assert not found(report, "IC201") | found(report, "IC202")
    assert by_name(report)["layer.weight"].verdict == "structure off"


@pytest.mark.parametrize("cut", [1, 5, 64])
def test_the_place_does_not_depend_on_how_values_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr("initcli.models.torch_bytes.CHUNK_BYTES", 4 * cut)
    monkeypatch.setattr(structure, "BLOCK_BYTES", 8 * cut)
    for values, text, expected in FAULTS:
        (message,) = found(held(written(tmp_path, values), text), "IC203").values()
        assert message.startswith(expected)


def test_what_cannot_be_looked_at_is_said_and_strict_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "MOST_DRAWN", 1 << 12)
    monkeypatch.setattr(structure, "MOST_COLUMNS", 29)
    hurt = drawn("orthogonal", (24, 24))
    hurt[3, 5] = math.inf
    tiny = drawn("orthogonal(1e-3)", (16, 16)).to(torch.float8_e4m3fn).float()
    unseen = [
        (torch.eye(64), "eye", "F32", "to draw its pattern takes more than"),
        (drawn("sparse(0.3)", (20, 30)), "sparse(0.3)", "F32", "30 columns are more than the 29"),
        (hurt, "orthogonal", "F32", "it holds values that are not finite"),
        (tiny, "orthogonal(1e-3)", "F8_E4M3", "rounding to F8_E4M3 may take all of it"),
    ]
    for values, text, code, reason in unseen:
        path = written(tmp_path, values, code)
        report = held(path, text)
        assert found(report, "IC203") == {}
        (message,) = found(report, "IC903").values()
        assert message.startswith(f"not measured: structure: {reason}")
        assert not initcli.stats(path, scheme=text, select="layer.weight", strict=True).passed


def test_schemes_without_structure_read_nothing_again(tmp_path: Path) -> None:
    for text in ("normal", "ones", "sparse(1)", "constant(0.5)"):
        row = by_name(held(written(tmp_path, matrix(8, 8)), text))["layer.weight"]
        assert row.structure is None


def test_tensors_without_values_have_none(tmp_path: Path) -> None:
    report = initcli.stats(written(tmp_path, torch.zeros(0, 4)), scheme="eye")
    assert by_name(report)["layer.weight"].structure is None
    assert found(report, "IC203") == {}


def test_the_shell_hears_of_it_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, permuted())
    monkeypatch.setattr("sys.argv", ["initcli", "stats", str(path), "--scheme", "eye"])
    assert main() == 1
    assert "IC203" in (said := " ".join("".join(capsys.readouterr()).split()))
    assert "4 of 4,096 values are not the pattern's; first at [0, 0]: 0, 1 expected" in said
