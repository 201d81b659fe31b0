"""Structures are supposed where moments allow them, and named where values confirm them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from scipy.linalg import hadamard
from torch import Tensor
from torch.nn import init

import initcli
from identified import cast, raw_of
from initcli.core.dtypes import DTYPES
from initcli.schemes.layer import Layer
from initcli.schemes.spec import parse_scheme
from initcli.statistics.fold import summarise
from initcli.theory.identify.suppose import PATTERNS, constant_scheme, suppositions
from raw import DRAWABLE

Shape = tuple[int, ...]


def seeded(fill: Callable[[Tensor], Tensor], *shape: int) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(9)
        return fill(torch.empty(shape))


def waves(length: int, channels: int) -> Tensor:
    """Whisper's positions, as its publication has them."""
    step = math.log(10_000) / (channels // 2 - 1)
    at = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(channels // 2))
    return torch.cat([at.sin(), at.cos()], dim=1)


def gate(units: int) -> Tensor:
    bias = torch.zeros(4 * units)
    bias[units : 2 * units] = 1
    return bias


def central(outputs: int, inputs: int, gain: float) -> Tensor:
    """A kernel of which the central tap alone is drawn: Xiao et al. 2018."""
    kernel = torch.zeros(outputs, inputs, 3, 3)
    kernel[:, :, 1, 1] = seeded(init.orthogonal_, outputs, inputs) * gain
    return kernel


def side_by_side(rows: int, columns: int) -> Tensor:
    return torch.eye(rows).repeat(1, columns // rows)


FOUND: dict[str, tuple[Tensor, str]] = {
    "eye": (init.eye_(torch.empty(24, 24)), "eye"),
    "wide.eye": (init.eye_(torch.empty(24, 40)), "eye"),
    "tall.eye": (init.eye_(torch.empty(40, 24)), "eye"),
    "dirac": (init.dirac_(torch.empty(12, 8, 3, 3)), "dirac"),
    "dirac1d": (init.dirac_(torch.empty(12, 8, 5)), "dirac"),
    "dirac.2": (init.dirac_(torch.empty(12, 8, 3, 3), 2), "dirac(groups=2)"),
    "dirac.4": (init.dirac_(torch.empty(12, 8, 3, 3), 4), "dirac(groups=4)"),
    "hadamard": (torch.tensor(hadamard(64)[:, :24] / 8.0), "zero_hadamard"),
    "idinit": (side_by_side(16, 48), "idinit"),
    "mamba.A_log": (torch.arange(1, 17.0).log().repeat(32, 1), "mamba_a_log"),
    "positions": (waves(100, 64), "sinusoid"),
    "lstm.bias_ih_l0": (gate(32), "lstm_bias"),
    "sparse": (seeded(lambda w: init.sparse_(w, 0.25, 0.02), 40, 60), "sparse(0.25, "),
    "sparser": (seeded(lambda w: init.sparse_(w, 0.9, 1.0), 50, 60), "sparse(0.9, "),
    "central": (central(24, 16, 1.0), "delta_orthogonal(1)"),
    "central.gain": (central(20, 16, 0.5), "delta_orthogonal(0.5)"),
    "orthogonal": (seeded(init.orthogonal_, 48, 48), "orthogonal"),
    "orthogonal.gain": (
        seeded(lambda w: init.orthogonal_(w, 0.5), 64, 40),
        "orthogonal(0.5)",
    ),
    "zero": (torch.zeros(30, 20), "zeros"),
    "one": (torch.ones(30), "ones"),
    "half": (torch.full((30, 20), 0.5), "constant(0.5)"),
    "minus": (torch.full((30,), -0.25), "constant(-0.25)"),
}


@pytest.mark.parametrize("code", ["F64", "F32", "BF16", "F16"])
def test_every_structure_is_named_by_stats(tmp_path: Path, code: str) -> None:
    path = tmp_path / "w.safetensors"
    tensors = {name: cast(each, code).contiguous() for name, (each, _) in FOUND.items()}
    save_file(tensors, path)
    report = initcli.stats(path, identify=True, fail_on="never", detail=False)
    told = {one.name: (one.kind, one.structure) for one in report.identities}
    assert set(told) == set(FOUND)
    for name, (_, expected) in FOUND.items():
        kind, structure = told[name]
        assert kind == "structured", name
        assert (
            structure == expected
            or (expected.endswith(", ") and structure.startswith(expected))
            or nearly(structure, expected)
        ), name


def nearly(one: str, other: str) -> bool:
    """Whether two schemes have one name, and gains that differ by no more than rounding does."""
    (name, _, gain), (other_name, _, other_gain) = one.partition("("), other.partition("(")
    if name != other_name or not gain or other_gain.endswith(", "):
        return False
    return float(gain[:-1]) == pytest.approx(float(other_gain[:-1] or 1), rel=1e-3)


def test_every_pattern_is_among_them() -> None:
    schemes = {scheme for _, scheme in FOUND.values()}
    assert set(PATTERNS) <= schemes


@pytest.mark.parametrize("name", FOUND)
def test_a_value_out_of_place_is_no_structure(tmp_path: Path, name: str) -> None:
    """The same values, two of them exchanged: their moments are those of the structure."""
    values = FOUND[name][0].clone().float()
    flat = values.reshape(-1)
    other = next((i for i in range(1, len(flat)) if flat[i] != flat[0]), None)
    if other is None:
        return  # a constant has no places
    last = len(flat) - 1 - next(i for i in range(len(flat)) if flat[len(flat) - 1 - i] != flat[0])
    flat[0], flat[last] = flat[last].clone(), flat[0].clone()
    path = tmp_path / "w.safetensors"
    save_file({name: values}, path)
    report = initcli.stats(path, identify=True, fail_on="never", detail=False)
    assert [one.structure for one in report.identities] == [""]


def supposed(values: Tensor, name: str = "w", code: str = "F32") -> list[str]:
    stored = cast(values, code)
    summary = summarise(raw_of(stored), DTYPES[code])
    layer = Layer(tuple(values.shape), name)
    return [text for text, _ in suppositions(layer, DTYPES[code], summary, {})]


@pytest.mark.parametrize("code", DRAWABLE)
def test_what_is_drawn_value_by_value_is_supposed_to_be_nothing(code: str) -> None:
    """No pattern is worked out for it, which would take longer than all else."""
    for scale in (1.0, 0.02):
        values = seeded(lambda w, scale=scale: init.normal_(w, 0, scale), 50, 60)
        # In eight bits some of it underflows, and zeros may be anything's.
        assert supposed(values, code=code) == [] or DTYPES[code].bits == 8


SUPPOSED = [
    (FOUND["eye"][0], "eye"),
    (FOUND["dirac"][0], "dirac"),
    (FOUND["hadamard"][0], "zero_hadamard"),
    (FOUND["positions"][0], "sinusoid"),
    (FOUND["mamba.A_log"][0], "mamba_a_log"),
]


@pytest.mark.parametrize(("values", "scheme"), SUPPOSED)
def test_moments_allow_few_structures(values: Tensor, scheme: str) -> None:
    found = supposed(values)
    assert scheme in found
    assert len(found) <= 4
    # A scale that is off by a hundredth allows none.
    assert scheme not in supposed(values * 1.01)


def test_the_share_of_zeros_is_told_of_each_column() -> None:
    (text,) = supposed(FOUND["sparse"][0])
    spec = parse_scheme(text)
    assert spec.scheme.name == "sparse"
    assert spec.arguments["sparsity"] == 0.25
    assert float(spec.arguments["std"]) == pytest.approx(0.02, rel=0.15)  # type: ignore[arg-type]
    padded = seeded(init.normal_, 1000, 16)
    padded[:2] = 0
    assert supposed(padded) == []  # a padding row, and no sparse scheme's


CONSTANTS = [
    ([0.0, 0.0], "zeros"),
    ([0.0, -0.0], "zeros"),
    ([1.0, 1.0], "ones"),
    ([1.0], "ones"),
    ([0.1, 0.1], "constant(0.100000001)"),
    ([-2.5, -2.5], "constant(-2.5)"),
    ([-2.5], ""),
    ([1.0, 2.0], ""),
    ([1.0, math.nan], ""),
]


@pytest.mark.parametrize(("values", "expected"), CONSTANTS)
def test_a_constant_is_named(values: list[float], expected: str) -> None:
    summary = summarise(raw_of(torch.tensor(values)), DTYPES["F32"])
    assert constant_scheme(summary) == expected
    if expected:
        law = parse_scheme(expected).draw(Layer((2,))).law
        assert law.mean == pytest.approx(values[0], rel=1e-8)


def test_extremes_of_one_size_leave_a_sparse_matrix_sparse() -> None:
    """In bfloat16 the least and the greatest of thousands of values often are."""
    values = seeded(lambda w: init.sparse_(w, 0.25, 0.02), 40, 60)
    values[values == values.min()] = -values.max()
    assert [text for text in supposed(values) if text.startswith("sparse(0.25, ")]
