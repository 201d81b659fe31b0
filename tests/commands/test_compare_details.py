"""`compare` names multiples unasked, and measures on request what takes another reading."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import initcli
from initcli.commands.comparing.details import DetailRequest
from initcli.engine import plan
from initcli.reports.compare import CompareReport
from initcli.reports.compare_columns import SHIFT_KEYS, SPECTRUM_KEYS, ULP_KEYS
from initcli.reports.compare_row import CompareRow

Tensors = dict[str, torch.Tensor]
REQUESTED = ULP_KEYS | SHIFT_KEYS | SPECTRUM_KEYS


def base() -> Tensors:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return (0.02 * torch.randn(shape, generator=generator)).bfloat16()

    return {
        "scaled": drawn(64, 96),
        "adapted": drawn(128, 96),
        "tuned": drawn(128, 96),
        "kept": drawn(32, 32),
        "kernel": drawn(32, 8, 3, 3),
        "vector": drawn(512),
        "cut": drawn(8, 8),
        "numbers": torch.arange(12).reshape(3, 4),
    }


def tuned() -> Tensors:
    generator = torch.Generator().manual_seed(1)

    def step(*shape: int) -> torch.Tensor:
        return 3e-4 * torch.randn(shape, generator=generator)

    tensors = base()
    low = torch.randn(128, 4, generator=generator) @ torch.randn(4, 96, generator=generator)
    return tensors | {
        "scaled": tensors["scaled"] * 0.5**0.5,
        "adapted": (tensors["adapted"].float() + 3e-4 * low).bfloat16(),
        "tuned": (tensors["tuned"].float() + step(128, 96)).bfloat16(),
        "kernel": (tensors["kernel"].float() + step(32, 8, 3, 3)).bfloat16(),
        "vector": tensors["vector"] * -2,
        "cut": tensors["cut"][:4].clone(),
        "numbers": tensors["numbers"] * 2,
    }


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    for name, tensors in (("a", base()), ("b", tuned())):
        save_file(tensors, tmp_path / f"{name}.safetensors")
    return tmp_path / "a.safetensors", tmp_path / "b.safetensors"


def by_name(report: CompareReport) -> dict[str, CompareRow]:
    return {row.name: row for row in report.rows}


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_multiple_is_named_unasked_and_seen_first(
    paths: tuple[Path, Path], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "CHUNK_BYTES", 1024)
    monkeypatch.setattr(plan, "SEGMENT_BYTES", 4096)
    report = initcli.compare(*paths, jobs=jobs)
    found = {name: row.factor for name, row in by_name(report).items() if row.factor is not None}
    assert found == {
        "scaled": pytest.approx(0.5**0.5, rel=1e-3),
        "vector": pytest.approx(-2.0),
    }
    assert "factor" in [column.key for column in report.table.columns]


def test_what_nobody_asked_for_is_not_measured(paths: tuple[Path, Path]) -> None:
    report = initcli.compare(*paths)
    assert all(getattr(row, key) is None for row in report.rows for key in REQUESTED)
    assert not REQUESTED & set(report.table.keys)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"columns": "+max_ulp"}, ULP_KEYS),
        ({"columns": "name,mean_ulp"}, ULP_KEYS),
        ({"sort": "-ks"}, SHIFT_KEYS),
        ({"columns": "name, psi"}, SHIFT_KEYS),
        ({"columns": "+delta_rank"}, SPECTRUM_KEYS),
        ({"spectrum": True}, SPECTRUM_KEYS),
    ],
)
def test_a_column_or_an_option_asks(
    paths: tuple[Path, Path], options: dict[str, object], keys: frozenset[str]
) -> None:
    report = initcli.compare(*paths, **options)  # type: ignore[arg-type]
    shown = {key for key in REQUESTED for row in report.rows if getattr(row, key) is not None}
    assert shown == keys
    assert not (REQUESTED - keys) & set(report.table.keys)


def test_a_column_that_is_taken_away_asks_for_nothing() -> None:
    def asked(columns: str) -> DetailRequest:
        return DetailRequest.of(
            columns, None, spectrum=False, jobs=1, progress=DetailRequest.progress
        )

    assert not asked("-ks,-max_ulp,-delta_rank").unmeasured_keys ^ REQUESTED


def test_an_adapter_is_told_from_a_dense_update(paths: tuple[Path, Path]) -> None:
    rows = by_name(initcli.compare(*paths, spectrum=True))
    assert (rows["adapted"].delta_rank, rows["adapted"].looks_like) == (4, "low-rank update")
    assert rows["tuned"].looks_like is rows["kernel"].looks_like is None
    assert (rows["kept"].delta_norm, rows["kept"].delta_rank) == (0.0, 0)
    assert rows["vector"].delta_norm is rows["cut"].delta_norm is None
    delta = (tuned()["kernel"].double() - base()["kernel"].double()).reshape(32, -1)
    expected = torch.linalg.matrix_norm(delta, 2).item()
    assert rows["kernel"].delta_norm == pytest.approx(expected, rel=1e-9)


def test_what_has_no_spectrum_is_named(paths: tuple[Path, Path]) -> None:
    report = initcli.compare(*paths, spectrum=True)
    [finding] = [each for each in report.findings if each.code == "IC906"]
    told = "not compared: spectrum of the difference: of I64 values it is not computed"
    assert (finding.tensor, finding.message) == ("numbers", told)
    assert not initcli.compare(*paths, spectrum=True, fail_on="never", strict=True).passed


def test_distributions_are_compared_whatever_the_shape(paths: tuple[Path, Path]) -> None:
    rows = by_name(initcli.compare(*paths, columns="+ks,+psi"))
    assert rows["cut"].ks is not None
    assert rows["kept"].ks == rows["kept"].psi == 0
    assert rows["numbers"].ks == pytest.approx(1 / 2)


def test_units_in_the_last_place_are_of_one_float_dtype(
    paths: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = by_name(initcli.compare(*paths, columns="+max_ulp,+mean_ulp"))
    assert (rows["kept"].max_ulp, rows["kept"].mean_ulp) == (0, 0.0)
    assert rows["numbers"].max_ulp is rows["cut"].max_ulp is None
    a, b = base()["tuned"], tuned()["tuned"]
    places = [side.view(torch.int16).int() for side in (a, b)]
    ordered = [torch.where(each < 0, -(each & 0x7FFF), each) for each in places]
    assert rows["tuned"].max_ulp == (ordered[0] - ordered[1]).abs().max().item()
    wide = tmp_path / "wide.safetensors"
    save_file({"tuned": a.float()}, wide)
    (row, *_) = initcli.compare(paths[0], wide, columns="+max_ulp", select="tuned").rows
    assert row.max_ulp is None


def test_nan_and_nothing_stop_no_detail(tmp_path: Path) -> None:
    a = {"w": torch.ones(8, 8), "none": torch.zeros(0, 4)}
    b = {"w": torch.full((8, 8), math.nan), "none": torch.zeros(0, 4)}
    for name, tensors in (("a", a), ("b", b)):
        save_file(tensors, tmp_path / f"{name}.safetensors")
    report = initcli.compare(
        tmp_path / "a.safetensors",
        tmp_path / "b.safetensors",
        columns="+ks,+max_ulp",
        spectrum=True,
    )
    row = by_name(report)["w"]
    assert row.factor is row.ks is row.max_ulp is row.delta_norm is None
    assert any("not finite" in each.message for each in report.findings)
    json.dumps([dict(record) for record in report.table.records()])
