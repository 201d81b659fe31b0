"""Whether values owe anything to their places: drawn each for itself, none does.

That holds under every law. What training changes, rows, columns and taps have in common. So rows,
columns, the kernels of each input and taps are held against what exchangeable values show:

- **means**: the variance between lines over that within, Fisher's F;
- **energies** Σx²: raised to the power h = 1 − κ₁κ₃/3κ₂² they are as good as normal (Jensen &
  Solomon, JASA 67, 1972; Wilson & Hilferty's cube root is the case of normal values), with
  cumulants κ of the squares at hand, so that the sum of their squared scores follows χ²;
- **a single line** whose energy stands out from all;
- **the largest singular value**, by `initcli.theory.identify.edge`;
- **neighbouring taps** of kernels: Σ x·x′ over pairs, of variance σ⁴ each.

All p-values are two-sided but those of single lines and of the singular value.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from initcli.theory.identify.block import Block
from initcli.theory.identify.edge import FEWEST, edge_p, largest_singular
from initcli.theory.tails import fisher_tails, normal_tails

# Shorter lines are too skewed, and fewer values tell their cumulants too badly.
_SHORTEST = 16
_SHORTEST_ALONE = 64
_FEWEST_LINES = 4
_FEWEST_VALUES = 512
_FEWEST_PAIRS = 2048
_LOGARITHM = 1e-3
_REACH = 3.0
_PER_KURTOSIS = 8.0

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """What places show.

    Attributes:
        tests: The p-value of every test that the block was large enough for, by what is tested.
        evenness: How likely a largest singular value is as small, as those of isometries are.
        size: Of how many values.
        has_zeros: Whether zeros lie beside other values in a row.
    """

    tests: Mapping[str, float]
    evenness: float = 1.0
    size: int = 0
    has_zeros: bool = False


def look_at_places(block: Block) -> Places:
    """Tests whether values owe anything to their places.

    Args:
        block: Finite values about their mean.
    """
    if block.size < _FEWEST_VALUES or not block.values.any():
        return Places({}, has_zeros=block.has_zeros)
    values = _clipped(block.values)
    squares = values * values
    known = _Cumulants.of(squares)
    tests, evenness = dict(_of_all_lines(block, values, squares, known)), 1.0
    if min(values.shape) >= max(FEWEST, known.least_length):
        largest = largest_singular(values)
        tests["singular value"], evenness = edge_p(largest, known.mean, values.shape)
    return Places(tests, evenness, block.size, block.has_zeros)


def _clipped(values: Matrix) -> Matrix:
    """Returns values cut off at three root mean squares, about their mean.

    Exchangeable values stay so whatever is done to each; the powers of heavy tails would not be
    told from what places do.
    """
    reach = _REACH * math.sqrt(float(np.mean(values * values)))
    cut = np.clip(values, -reach, reach)
    return np.asarray(cut - cut.mean())


def _of_all_lines(
    block: Block, values: Matrix, squares: Matrix, known: _Cumulants
) -> Iterator[tuple[str, float]]:
    """Tests rows and columns, and of kernels what each input and each tap has of them."""
    for name, sums, energies in _lines(block, values, squares):
        length = block.size // len(sums)
        if len(sums) >= _FEWEST_LINES and length >= max(_SHORTEST, known.least_length):
            yield f"{name} means", _means_p(sums, length, known.mean * block.size)
            yield from _of_energies(name, energies, length, known)
    if block.taps > 1:
        kernels = values.reshape(-1, block.taps // block.tap_columns, block.tap_columns)
        yield from _of_neighbours(kernels, known.mean)


def _lines(block: Block, values: Matrix, squares: Matrix) -> Iterator[tuple[str, Vector, Vector]]:
    """Yields every way to cut a block into lines: Σx and Σx² of each."""
    shape = (len(values), -1, block.taps)
    cuts = {"row": (1, 2), "column": (0,)}
    if block.taps > 1:
        cuts |= {"input": (0, 2), "tap": (0, 1)}
    for name, axes in cuts.items():
        summed, energies = (each.reshape(shape).sum(axis=axes) for each in (values, squares))
        yield name, summed.reshape(-1), energies.reshape(-1)


@dataclass(frozen=True, slots=True)
class _Cumulants:
    """The first three cumulants of the squares of values."""

    mean: float
    variance: float
    third: float

    @property
    def least_length(self) -> float:
        """How long lines must be for their energies to be as tame as those of 16 normal values."""
        return _PER_KURTOSIS * self.variance / self.mean**2

    @classmethod
    def of(cls, squares: Matrix) -> Self:
        mean = float(squares.mean())
        off = squares.reshape(-1) - mean
        square = off * off  # powers of arrays take ten times as long
        return cls(mean, float(square.mean()), float(square @ off) / off.size)


def _means_p(sums: Vector, length: int, energy: float) -> float:
    """Returns Fisher's p-value for lines of a mean each, where all values have the mean 0."""
    between = float(sums @ sums) / length
    within, free = energy - between, len(sums) * (length - 1)
    if within <= 0:
        return 0.0
    return fisher_tails(between / (len(sums) - 1) / (within / free), len(sums) - 1, free)


def _of_energies(
    name: str, energies: Vector, length: int, known: _Cumulants
) -> Iterator[tuple[str, float]]:
    scores = _scores(energies / (length * known.mean), length, known)
    if scores is None:
        return
    yield f"{name} energies", _spread_p(scores)
    if length >= _SHORTEST_ALONE:
        yield f"single {name}", min(1.0, len(scores) * normal_tails(float(np.abs(scores).max())))


def _scores(ratios: Vector, length: int, known: _Cumulants) -> Vector | None:
    """Returns how many standard deviations each energy is from all; None of equal squares.

    Args:
        ratios: The energies over their expectation.
        length: How many values each is of.
        known: Of the squares.
    """
    share = known.variance / (length * known.mean**2)
    if share <= 0:
        return None
    power = 1 - known.mean * known.third / (3 * known.variance**2)
    change = power - 1
    # The second term of the variance of a power of a sum; it vanishes for normal values.
    spread = share * (1 + share * change * (0.5 - 1.5 * power))
    if spread <= 0:
        return None
    logarithms = np.log(np.maximum(ratios, np.finfo(np.float64).tiny))
    moved = logarithms if abs(power) < _LOGARITHM else np.expm1(power * logarithms) / power
    return np.asarray((moved - moved.mean()) / math.sqrt(spread))


def _spread_p(scores: Vector) -> float:
    from scipy.special import chdtr, chdtrc

    free, square = len(scores) - 1, float(scores @ scores)
    return min(1.0, 2 * float(min(chdtr(free, square), chdtrc(free, square))))


def _of_neighbours(kernels: Matrix, variance: float) -> Iterator[tuple[str, float]]:
    """Tests pairs of taps that are next to each other in either direction."""
    sums, pairs = 0.0, 0
    for one, other in (
        (kernels[:, :, 1:], kernels[:, :, :-1]),
        (kernels[:, 1:, :], kernels[:, :-1, :]),
    ):
        sums += float(np.sum(one * other))
        pairs += one.size
    if pairs >= _FEWEST_PAIRS:
        yield "neighbouring taps", normal_tails(sums / (variance * math.sqrt(pairs)))
