"""Whether one tensor is a multiple of another, to within the rounding of its dtype.

The distance's sums nominate: they show that B is nearly c·A, c far enough from 1 to matter. Read
again, every pair confines c: y = round(c·x) with |y − c·x| ≤ h is c ∈ [(y − h)/x, (y + h)/x]. B is
c·A if these intervals have a c in common, and 1 is none of those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.statistics.decode import tiles, widen
from initcli.statistics.pair import Distance

_FLOAT32_BITS = 32
_FLOAT32_ROUNDING = 2.0**-24
_FLOAT64_ROUNDING = 2.0**-51  # of three operations
# What the sums, in float64, may be off by, relative to themselves; ample for 10¹² values.
_SUMS = 1e-9
# Each pair after the first agrees by chance with odds of one to the values between x and c·x.
_EVIDENCE_BITS = 60
_COARSEST = 2.0**-7  # bfloat16's


@dataclass(frozen=True, slots=True)
class Interval:
    """The multiples that pairs allow, of which more pairs leave fewer: both ends belong to it."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def names_one(self) -> bool:
        """Whether it holds a multiple, and leaves out 1."""
        return self.low <= self.high and not self.low <= 1 <= self.high

    def nearest(self, multiple: float) -> float:
        """Returns what is nearest to a multiple within."""
        return min(max(multiple, self.low), self.high)

    def __add__(self, other: Self) -> Self:
        """Returns what both allow."""
        return type(self)(max(self.low, other.low), min(self.high, other.high))


_NOWHERE = Interval(math.inf, -math.inf)


@dataclass(frozen=True, slots=True)
class Ratio:
    """What pairs (x, y) say of a c with y = c·x.

    Attributes:
        pairs: Pairs of which neither value is zero.
        once: Where c lies if c·x was rounded once.
        twice: Where it lies if two factors were multiplied, with a rounding after each.
        least: The least |x| of those pairs.
        largest: The largest.
    """

    pairs: int = 0
    once: Interval = Interval()
    twice: Interval = Interval()
    least: float = math.inf
    largest: float = 0.0

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""
        return type(self)(
            self.pairs + other.pairs,
            self.once + other.once,
            self.twice + other.twice,
            min(self.least, other.least),
            max(self.largest, other.largest),
        )


class RatioFold:
    """Confines the c of B = c·A, or of A = c·B where A's dtype is the coarser; chunk by chunk.

    Args:
        dtype_a: A's dtype, a float; all values must be finite.
        dtype_b: B's.
    """

    def __init__(self, dtype_a: DType, dtype_b: DType) -> None:
        self._dtypes = (dtype_a, dtype_b)
        self._ratio = Ratio()

    def add(self, raw_a: memoryview, raw_b: memoryview) -> None:
        """Adds as many whole values of both, little-endian, row-major."""
        dtype_a, dtype_b = self._dtypes
        for tile_a, tile_b in zip(tiles(raw_a, dtype_a), tiles(raw_b, dtype_b), strict=True):
            if _is_inverse(dtype_a, dtype_b):
                self._ratio += _ratio(widen(tile_b), widen(tile_a), dtype_a)
            else:
                self._ratio += _ratio(widen(tile_a), widen(tile_b), dtype_b)

    def result(self) -> Ratio:
        """Returns what pairs say of c; nothing may be added afterwards."""
        return self._ratio


def may_be_scaled(distance: Distance, dtype_a: DType, dtype_b: DType) -> bool:
    """Whether the sums allow that B = c·A: then every pair of values is to be asked.

    With d = b − a, of which nothing cancels, ‖B − c·A‖² is least at c = 1 + Σad / Σa², where it
    is Σd² − (Σad)² / Σa². Roundings may leave Σ(ε·b)² of it, and no more than what c moves: no c
    nearer to 1 than a quarter of epsilon changes a value, and training moves little along A.
    """
    if not (dtype_a.is_float and dtype_b.is_float and distance.unequal) or distance.incomparable:
        return False
    epsilon = max(dtype_a.epsilon, dtype_b.epsilon)
    least = max(dtype_a.least, dtype_b.least)
    multiple = _multiple(distance)
    moved = (multiple - 1) ** 2 * distance.squares_a
    left = distance.squared - moved - distance.compared * least**2
    # Written so that NaN, of sums that overflow, is refused.
    return (
        distance.squares_b > 0
        and left <= (epsilon**2 + _SUMS) * distance.squares_b
        and left <= 4 * moved
        and abs(multiple - 1) >= max(epsilon, _FLOAT64_ROUNDING) / 4
        and not (multiple > 0 and distance.sign_flips)
    )


def factor_of(ratio: Ratio, distance: Distance, dtype_a: DType, dtype_b: DType) -> float | None:
    """Returns c if B = c·A to within rounding, c ≠ 1, and that can be no chance; else None.

    Chance is ruled out by 60 bits: (pairs − 1)·log₂(1 + |c − 1|/ε), or log₂(1/ε) if that is less,
    ε that of the coarser dtype. That c was reached in two steps is only believed where |x| spans
    a factor of two, for of a constant any values nearby are a multiple to within two roundings;
    and not in 8 bits, where two roundings leave too little.

    Args:
        ratio: What the pairs say.
        distance: Their sums, of which c is taken as far as the pairs allow.
        dtype_a: A's dtype.
        dtype_b: B's.
    """
    epsilon = max(dtype_a.epsilon, dtype_b.epsilon)
    multiple = _multiple(distance)
    surprise = min(math.log2(1 + abs(multiple - 1) / epsilon), -math.log2(epsilon))
    if (ratio.pairs - 1) * surprise < _EVIDENCE_BITS:
        return None
    is_inverse = _is_inverse(dtype_a, dtype_b)
    estimate = 1 / multiple if is_inverse else multiple
    is_telling = ratio.largest >= 2 * ratio.least and epsilon <= _COARSEST
    for interval in (ratio.once, ratio.twice)[: 1 + is_telling]:
        if interval.names_one:
            found = interval.nearest(estimate)
            return 1 / found if is_inverse else found
    return None


def _is_inverse(dtype_a: DType, dtype_b: DType) -> bool:
    """Whether it is A's values that were rounded."""
    return dtype_a.epsilon > dtype_b.epsilon


def _multiple(distance: Distance) -> float:
    """Returns the c of the least ‖B − c·A‖; NaN where A vanishes."""
    if not distance.squares_a:
        return math.nan
    return 1 + (distance.product - distance.squares_a) / distance.squares_a


def _ratio(x: NDArray[np.float64], y: NDArray[np.float64], dtype: DType) -> Ratio:
    """Returns what x and y = c·x, rounded to a dtype, say of c."""
    from_nothing = Ratio(once=_NOWHERE, twice=_NOWHERE) if y[x == 0].any() else Ratio()
    x, y = x[x != 0], y[x != 0]
    return from_nothing + _ratio_of_numbers(x, y, dtype) if x.size else from_nothing


def _ratio_of_numbers(x: NDArray[np.float64], y: NDArray[np.float64], dtype: DType) -> Ratio:
    """Returns the same where no x is zero."""
    size = np.abs(x)
    y = y * np.sign(x)
    half = spacing(y, dtype) / 2
    # torch multiplies what is narrower in float32, and rounds that before it rounds to the dtype.
    slack = _FLOAT32_ROUNDING if dtype.bits < _FLOAT32_BITS else _FLOAT64_ROUNDING
    once = half + slack * np.abs(y)
    twice = once + np.maximum(dtype.epsilon * np.abs(y), dtype.least) / 2
    is_paired = y != 0
    return Ratio(
        int(np.count_nonzero(is_paired)),
        _interval(y, once, size),
        _interval(y, twice, size),
        float(size[is_paired].min(initial=math.inf)),
        float(size[is_paired].max(initial=0.0)),
    )


def _interval(
    y: NDArray[np.float64], off: NDArray[np.float64], size: NDArray[np.float64]
) -> Interval:
    with np.errstate(over="ignore"):
        return Interval(float(((y - off) / size).max()), float(((y + off) / size).min()))


def spacing(values: NDArray[np.float64], dtype: DType) -> NDArray[np.float64]:
    """Returns the distance from each value of a dtype to its next larger in size."""
    exponents = np.frexp(values)[1] - 1  # 0 has the exponent of 1
    found = np.where(values == 0, 0.0, np.ldexp(dtype.epsilon, exponents))
    return np.asarray(np.maximum(found, dtype.least))
