"""What is kept of two tensors' differences, chunk by chunk, and merges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType, Kind
from initcli.statistics.kernel import empty, summarise, tiles, widen
from initcli.statistics.summary import Summary

Array = NDArray[Any]

_FLOAT32_BITS = 32


@dataclass(frozen=True, slots=True)
class Distance:
    """Sums over pairs of values; the distances are derived.

    Attributes:
        compared: Pairs of which both values are finite.
        unequal: Pairs of different value; NaN differs from everything.
        beyond: Pairs further apart than the tolerance, NaN and unequal infinities included.
        incomparable: Unequal pairs of which a value is NaN or infinite: they have no distance.
        unequal_as_a: Pairs that differ once B is cast to A's dtype; NaNs agree here.
        unequal_as_b: Pairs that differ once A is cast to B's dtype; NaNs agree here.
        largest: The largest |a − b|.
        absolute: Σ|a − b|.
        squared: Σ|a − b|².
        squares_a: Σ|a|².
        squares_b: Σ|b|².
        product: Σ a·b (the real part of a·conj(b)).
    """

    compared: int = 0
    unequal: int = 0
    beyond: int = 0
    incomparable: int = 0
    unequal_as_a: int = 0
    unequal_as_b: int = 0
    largest: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    squares_a: float = 0.0
    squares_b: float = 0.0
    product: float = 0.0

    @property
    def mean_absolute(self) -> float:
        """The mean |a − b| of the finite pairs; NaN without one."""
        return self.absolute / self.compared if self.compared else math.nan

    @property
    def relative(self) -> float:
        """‖a − b‖ / ‖a‖ over the finite pairs; infinite when only a vanishes."""
        if not self.squared:
            return 0.0 if self.compared else math.nan
        return math.sqrt(self.squared / self.squares_a) if self.squares_a else math.inf

    @property
    def cosine(self) -> float:
        """a·b / (‖a‖‖b‖) over the finite pairs; NaN when either vanishes."""
        norms = math.sqrt(self.squares_a) * math.sqrt(self.squares_b)
        cosine = self.product / norms if norms else math.nan
        # Written so that NaN, of squares that overflow, stays NaN.
        return math.copysign(1.0, cosine) if abs(cosine) > 1 else cosine

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""
        return type(self)(
            self.compared + other.compared,
            self.unequal + other.unequal,
            self.beyond + other.beyond,
            self.incomparable + other.incomparable,
            self.unequal_as_a + other.unequal_as_a,
            self.unequal_as_b + other.unequal_as_b,
            max(self.largest, other.largest),
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.squares_a + other.squares_a,
            self.squares_b + other.squares_b,
            self.product + other.product,
        )


@dataclass(frozen=True, slots=True)
class PairSummary:
    """Both tensors' summaries and their distance; `same_bytes` where no byte differs."""

    a: Summary
    b: Summary
    distance: Distance = Distance()
    same_bytes: bool = True

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""
        return type(self)(
            self.a + other.a,
            self.b + other.b,
            self.distance + other.distance,
            self.same_bytes and other.same_bytes,
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Equality as in `torch.testing.assert_close`: |a − b| ≤ absolute + relative·|b|."""

    relative: float
    absolute: float


def empty_pair(dtype_a: DType, dtype_b: DType) -> PairSummary:
    """Returns the identity of merging for two dtypes."""
    return PairSummary(empty(dtype_a), empty(dtype_b), same_bytes=dtype_a == dtype_b)


def compare_values(
    raw_a: memoryview, dtype_a: DType, raw_b: memoryview, dtype_b: DType, tolerance: Tolerance
) -> PairSummary:
    """Compares values that lie at the same places of two tensors.

    Args:
        raw_a: Whole values of A, little-endian, row-major.
        dtype_a: A's dtype; it and B's must be decoded.
        raw_b: As many values of B.
        dtype_b: B's dtype.
        tolerance: What counts as beyond.

    Returns:
        The pair's summary. Distances of 64-bit integers are those of their float64 values.
    """
    a = summarise(raw_a, dtype_a)
    if dtype_a == dtype_b and raw_a == raw_b:
        return PairSummary(a, a, _no_distance(a, raw_a, dtype_a))
    b = summarise(raw_b, dtype_b)
    distance = Distance()
    for tile_a, tile_b in zip(tiles(raw_a, dtype_a), tiles(raw_b, dtype_b), strict=True):
        distance += _distance(tile_a, tile_b, tolerance) + _cast_differences(
            tile_a, dtype_a, tile_b, dtype_b
        )
    return PairSummary(a, b, distance, same_bytes=False)


def _no_distance(summary: Summary, raw: memoryview, dtype: DType) -> Distance:
    """Equal bytes have no distance, but where other chunks differ their energy and NaNs count."""
    energy = 0.0
    for tile in tiles(raw, dtype):
        values = widen(tile)
        finite = values[np.isfinite(values)]
        energy += _energy(finite)
    return Distance(
        compared=summary.finite,
        unequal=summary.nan,
        beyond=summary.nan,
        incomparable=summary.nan,
        squares_a=energy,
        squares_b=energy,
        product=energy,
    )


def _distance(tile_a: Array, tile_b: Array, tolerance: Tolerance) -> Distance:
    a, b = widen(tile_a), widen(tile_b)
    unequal = _exactly_unequal(tile_a, tile_b)
    is_finite = np.isfinite(a) & np.isfinite(b)
    incomparable = int(np.count_nonzero(unequal & ~is_finite))
    a, b = a[is_finite], b[is_finite]
    with np.errstate(over="ignore", invalid="ignore"):
        gap = np.abs(a - b)
        beyond = gap > tolerance.absolute + tolerance.relative * np.abs(b)
        return Distance(
            compared=a.size,
            unequal=int(np.count_nonzero(unequal)),
            beyond=int(np.count_nonzero(beyond)) + incomparable,
            incomparable=incomparable,
            largest=float(gap.max(initial=0.0)),
            absolute=float(gap.sum()),
            squared=_energy(gap),
            squares_a=_energy(a),
            squares_b=_energy(b),
            product=float((a * np.conj(b)).real.sum()),
        )


def _exactly_unequal(tile_a: Array, tile_b: Array) -> NDArray[np.bool_]:
    """Compares integers as integers: float64 cannot tell neighbours apart beyond 2**53."""
    both_integers = tile_a.dtype.kind in "iu" and tile_b.dtype.kind in "iu"
    if both_integers:
        return np.asarray(tile_a != tile_b)
    return np.asarray(widen(tile_a) != widen(tile_b))


def _cast_differences(tile_a: Array, dtype_a: DType, tile_b: Array, dtype_b: DType) -> Distance:
    """Only floats are rounded to each other's grid; anything else must agree in value."""
    if dtype_a == dtype_b:
        return Distance()
    as_a, as_b = tile_b, tile_a
    if dtype_a.kind is Kind.FLOAT and dtype_b.kind is Kind.FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):
            as_a, as_b = _rounded(tile_b, dtype_a), _rounded(tile_a, dtype_b)
    # A value that overflowed is lost, even if rounding explains it.
    is_lost = np.isfinite(widen(tile_a)) != np.isfinite(widen(tile_b))
    return Distance(
        unequal_as_a=int(np.count_nonzero(_unequal_but_for_nan(tile_a, as_a) | is_lost)),
        unequal_as_b=int(np.count_nonzero(_unequal_but_for_nan(tile_b, as_b) | is_lost)),
    )


def _rounded(tile: Array, dtype: DType) -> Array:
    # torch rounds to float32 on the way to anything narrower, and twice is not once.
    if dtype.bits < _FLOAT32_BITS:
        tile = tile.astype(np.float32)
    if dtype.saturates:
        tile = np.clip(tile, -dtype.largest, dtype.largest)
    return tile.astype(dtype.numpy)


def _unequal_but_for_nan(one: Array, other: Array) -> NDArray[np.bool_]:
    both_nan = np.isnan(widen(one)) & np.isnan(widen(other))
    return _exactly_unequal(one, other) & ~both_nan


def _energy(values: Array) -> float:
    return float(np.square(np.abs(values)).sum())
