"""What torch draws as orthogonal is found to be, whatever its dtype, and nothing else is."""

from __future__ import annotations

import math

import pytest
import torch

from identified import cast
from initcli.core.dtypes import DTYPES
from initcli.theory.identify.block import Block, Extent, Sides
from initcli.theory.identify.isometry import gain_of_isometry, lines_of
from initcli.theory.identify.places import look_at_places

SHAPES = [(8, 8), (16, 64), (300, 40), (40, 300), (128, 128), (200, 200)]
CODES = ["F64", "F32", "BF16", "F16", "F8_E4M3", "F8_E5M2"]
GAINS = [1.0, math.sqrt(2), 0.1]
# A padded row, or one of few: what is off by a little.
_OFF = 1.3


def drawn(shape: tuple[int, int], gain: float, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.init.orthogonal_(torch.empty(shape), gain, generator)


def looked_at(values: torch.Tensor, code: str) -> Block:
    """Returns the lines that are looked at."""
    sides = Sides(*values.shape)
    part = lines_of(sides)
    rows = torch.as_tensor(part.spaced)
    return Block.of(cast(values, code).double()[rows, : part.columns].numpy(), part)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("gain", GAINS)
def test_torchs_orthogonal_draws_are_found_with_their_gain(
    shape: tuple[int, int], code: str, gain: float
) -> None:
    """Allowed is what rounding adds with probability 10⁻⁸ a draw."""
    found = gain_of_isometry(looked_at(drawn(shape, gain), code), DTYPES[code])
    if code == "F8_E4M3" and gain == GAINS[-1] and max(shape) > 100:
        # So much underflows there that nothing can be told, or what is left still tells it.
        assert found is None or found == pytest.approx(gain, rel=0.2)
    else:
        # Rounding errors to nearest average out over the values.
        assert found == pytest.approx(gain, rel=4 * DTYPES[code].epsilon / max(shape) + 1e-5)


def rescaled(values: torch.Tensor) -> torch.Tensor:
    values = values.clone()
    values[0] *= _OFF
    return values


def sheared(values: torch.Tensor) -> torch.Tensor:
    values = values.clone()
    values[:, 0] += 0.3 * values[:, 1]
    values[0] += 0.3 * values[1]
    return values


OTHERS = {
    "a normal matrix": lambda shape: torch.randn(shape) / math.sqrt(max(shape)),
    "one row longer": lambda shape: rescaled(drawn(shape, 1.0)),
    "two rows that are not at right angles": lambda shape: sheared(drawn(shape, 1.0)),
    "a wide law's": lambda shape: torch.rand(shape) - 0.5,
    "two equal rows and columns": lambda shape: drawn(shape, 1.0)[[0, 0, *range(2, shape[0])]][
        :, [0, 0, *range(2, shape[1])]
    ],
}


@pytest.mark.parametrize("case", OTHERS)
@pytest.mark.parametrize("shape", [(16, 64), (40, 300), (300, 40), (64, 64)], ids=str)
@pytest.mark.parametrize("code", ["F32", "BF16", "F16"])
def test_what_is_no_isometry_is_none(case: str, shape: tuple[int, int], code: str) -> None:
    torch.manual_seed(0)
    assert gain_of_isometry(looked_at(OTHERS[case](shape), code), DTYPES[code]) is None


def test_zeros_are_none() -> None:
    block = looked_at(torch.zeros(8, 8), "F32")
    assert gain_of_isometry(block, DTYPES["F32"]) is None


@pytest.mark.parametrize(
    ("sides", "rows", "columns"),
    [
        (Sides(8, 8), 8, 8),
        (Sides(100, 400), 64, 400),
        (Sides(400, 100), 400, 64),
        (Sides(100, 1 << 18), 16, 1 << 18),
        (Sides(2, 1 << 18), 2, 1 << 18),
    ],
)
def test_lines_are_whole_along_the_longer_side(sides: Sides, rows: int, columns: int) -> None:
    assert lines_of(sides) == Extent(sides, rows, columns)


def test_lines_too_long_to_be_held_are_not_looked_at() -> None:
    assert lines_of(Sides(100, (1 << 18) + 1)) is None
    assert lines_of(Sides((1 << 18) + 1, 2)) is None


@pytest.mark.parametrize("shape", [(64, 64), (60, 120), (300, 100), (512, 512)], ids=str)
def test_singular_values_that_are_too_even_give_an_isometry_away(shape: tuple[int, int]) -> None:
    """All are 1, where the largest of a normal matrix is 1 + √(m/n) and more."""
    even = look_at_places(looked_at(drawn(shape, 1.0), "F32")).evenness
    torch.manual_seed(0)
    plain = look_at_places(looked_at(torch.randn(shape), "F32")).evenness
    assert even < 1e-6
    assert plain > 1e-3
