"""Folds chunks of two tensors into what is kept of their pair."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType, Kind
from initcli.kernels import loops
from initcli.statistics.decode import Array, tiles, widen
from initcli.statistics.fold import Fold, nothing
from initcli.statistics.grid import every_value
from initcli.statistics.moments import AnyMoments, Moments
from initcli.statistics.pair import Distance, PairSummary, Tolerance
from initcli.statistics.summary import Summary
from initcli.statistics.wide import WIDE_CODES, finite_moments, fold_integers

_FLOAT32_BITS = 32
_BYTE_BITS = 8
_CODES = WIDE_CODES | {"BF16": "b", "F16": "H"}


class PairFold:
    """Compares values that lie at the same places of two tensors, chunk by chunk.

    Chunks of equal bytes have no distance, and are only counted. Distances of 64-bit integers
    are those of their float64 values.

    Args:
        dtype_a: A's dtype; it and B's must be decoded.
        dtype_b: B's dtype.
        tolerance: What counts as beyond.
        count: How many values are to come; a bound.
    """

    def __init__(self, dtype_a: DType, dtype_b: DType, tolerance: Tolerance, count: int) -> None:
        self._dtypes = (dtype_a, dtype_b)
        self._tolerance = tolerance
        self._equal = Fold(dtype_a, count)
        self._pair = empty_pair(dtype_a, dtype_b)

    def add(self, raw_a: memoryview, raw_b: memoryview) -> None:
        """Adds as many whole values of both, little-endian, row-major."""
        a, b = self._dtypes
        if a == b and loops.CHOSEN.same(raw_a, raw_b):
            self._add_equal(raw_a)
            return
        if a == b and (quick := _compared(raw_a, raw_b, a, self._tolerance)):
            self._pair += quick
            return
        for tile_a, tile_b in zip(tiles(raw_a, a), tiles(raw_b, b), strict=True):
            self._pair += _compared_tiles(tile_a, a, tile_b, b, self._tolerance)

    def _add_equal(self, raw: memoryview) -> None:
        dtype = self._dtypes[0]
        found = loops.CHOSEN.total(raw, code) if (code := WIDE_CODES.get(dtype.code)) else None
        if found is None:  # to count is quicker for small floats, and knows of NaN
            self._equal.add(raw)
            return
        count, shift, *sums = found
        moments = Moments.about(count, shift, sums)
        energy = moments.energy
        distance = Distance(count, squares_a=energy, squares_b=energy, product=energy)
        self._pair += PairSummary(moments, moments, distance)

    def result(self) -> PairSummary:
        """Returns what is kept of the pair; nothing may be added afterwards."""
        equal = self._equal.result().summary
        if not equal.count:
            return self._pair
        return self._pair + PairSummary(
            equal.moments, equal.moments, _no_distance(equal, self._tolerance)
        )


def empty_pair(dtype_a: DType, dtype_b: DType) -> PairSummary:
    """Returns the identity of merging for two dtypes."""
    moments = nothing(dtype_a).moments, nothing(dtype_b).moments
    return PairSummary(*moments, same_bytes=dtype_a == dtype_b)


def compare_values(
    raw_a: memoryview, dtype_a: DType, raw_b: memoryview, dtype_b: DType, tolerance: Tolerance
) -> PairSummary:
    """Compares all values of two tensors at once; see `PairFold`."""
    fold = PairFold(dtype_a, dtype_b, tolerance, len(raw_a) * 8 // dtype_a.bits)
    fold.add(raw_a, raw_b)
    return fold.result()


def _code(dtype: DType) -> str:
    """Returns how the compiled loop knows a dtype; empty if it does not."""
    if dtype.is_float and dtype.bits == _BYTE_BITS:
        return "B"
    return _CODES.get(dtype.code, "")


@functools.cache
def _lookup(dtype: DType) -> NDArray[np.float32]:
    """Returns every value of a dtype by its pattern, of those that are looked up."""
    if _code(dtype) not in {"H", "B"}:
        return np.zeros(0, np.float32)
    with np.errstate(invalid="ignore"):  # signalling NaNs are among the patterns
        return every_value(dtype).astype(np.float32)


def _compared(
    raw_a: memoryview, raw_b: memoryview, dtype: DType, tolerance: Tolerance
) -> PairSummary | None:
    """Compares floats of one dtype; None if it has no loop, or a value is not finite."""
    code = _code(dtype)
    if not code:
        return None
    allowed = (tolerance.relative, tolerance.absolute)
    found = loops.CHOSEN.compare(raw_a, raw_b, code, _lookup(dtype), allowed)
    if found is None:
        return None
    (compared, unequal, beyond, flips, largest, absolute, squared, product), *sides = found
    a, b = (Moments.about(count, shift, sums) for count, shift, *sums in sides)
    distance = Distance(
        compared=compared,
        unequal=unequal,
        beyond=beyond,
        sign_flips=flips,
        largest=largest,
        absolute=absolute,
        squared=squared,
        squares_a=a.energy,
        squares_b=b.energy,
        product=product,
    )
    return PairSummary(a, b, distance, same_bytes=False)


def _no_distance(equal: Summary, tolerance: Tolerance) -> Distance:
    """Equal bytes have no distance, but where other chunks differ their energy and NaNs count."""
    energy = equal.moments.energy
    unequal = 0 if tolerance.equal_nan else equal.nan
    return Distance(
        compared=equal.finite,
        unequal=unequal,
        beyond=unequal,
        incomparable=unequal,
        squares_a=energy,
        squares_b=energy,
        product=energy,
    )


def _compared_tiles(
    tile_a: Array, dtype_a: DType, tile_b: Array, dtype_b: DType, tolerance: Tolerance
) -> PairSummary:
    return PairSummary(
        _moments(tile_a, dtype_a),
        _moments(tile_b, dtype_b),
        _distance(tile_a, tile_b, tolerance) + _cast_differences(tile_a, dtype_a, tile_b, dtype_b),
        same_bytes=False,
    )


def _distance(tile_a: Array, tile_b: Array, tolerance: Tolerance) -> Distance:
    a, b = widen(tile_a), widen(tile_b)
    differ = _unequal_but_for_nan if tolerance.equal_nan else _exactly_unequal
    unequal = differ(tile_a, tile_b)
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
            sign_flips=_sign_flips(a, b),
            largest=float(gap.max(initial=0.0)),
            absolute=float(gap.sum()),
            squared=_energy(gap),
            squares_a=_energy(a),
            squares_b=_energy(b),
            product=float((a * np.conj(b)).real.sum()),
        )


def _sign_flips(a: Array, b: Array) -> int:
    return 0 if "c" in a.dtype.kind + b.dtype.kind else int(np.count_nonzero(a * b < 0))


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


def _moments(tile: Array, dtype: DType) -> AnyMoments:
    if dtype.kind is Kind.BOOL:
        tile = (tile != 0).view(np.uint8)
    if not dtype.is_float and dtype.kind is not Kind.COMPLEX:
        return fold_integers(tile).moments
    values = widen(tile)
    return finite_moments(values[np.isfinite(values)])
