"""Folds raw bytes into summaries with NumPy, tile by tile so that tiles stay in cache."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType, Kind
from initcli.statistics.moments import AnyMoments, ComplexMoments, ExactMoments, Moments
from initcli.statistics.summary import Summary

# 64 Ki values are half a MiB as float64, and sums of 2**16 products of 16-bit limbs
# stay below 2**53, where float64 still counts exactly.
TILE = 1 << 16
_LIMB = 16
_LIMBS = 4

Array = NDArray[Any]


def empty(dtype: DType) -> Summary:
    """Returns the identity of merging for a dtype."""
    kinds: dict[Kind, AnyMoments] = {Kind.FLOAT: Moments(), Kind.COMPLEX: ComplexMoments()}
    return Summary(kinds.get(dtype.kind, ExactMoments()))


def summarise(raw: memoryview, dtype: DType) -> Summary:
    """Summarises consecutive values.

    Args:
        raw: Whole values, little-endian, row-major.
        dtype: A dtype that is decoded (`DType.is_decoded`).

    Returns:
        Their summary. Means and variances are exact to float64 rounding: floats by two passes
        over each tile about a value of the tile, integers in exact arithmetic.
    """
    fold = _FOLDS[dtype.kind]
    summary = empty(dtype)
    for tile in tiles(raw, dtype):
        summary += fold(tile)
    return summary


def tiles(raw: memoryview, dtype: DType) -> Iterator[Array]:
    """Yields views of at most `TILE` consecutive values."""
    # Booleans are read as bytes: a stored 2 is true, and NumPy would trust it to be 0 or 1.
    values = np.frombuffer(raw, np.uint8 if dtype.kind is Kind.BOOL else dtype.numpy)
    for start in range(0, len(values), TILE):
        yield values[start : start + TILE]


def widen(tile: Array) -> Array:
    """Returns the values as float64 or complex128."""
    with np.errstate(invalid="ignore"):  # a signalling NaN warns when it is converted
        return tile.astype(np.complex128 if tile.dtype.kind == "c" else np.float64)


def _fold_bools(tile: Array) -> Summary:
    return _fold_integers((tile != 0).view(np.uint8))


def _fold_integers(tile: Array) -> Summary:
    low, high = int(tile.min()), int(tile.max())
    zeros = tile.size - int(np.count_nonzero(tile))
    return Summary(_exact_moments(tile, low), tile.size, 0, 0, zeros, low, high)


def _exact_moments(tile: Array, low: int) -> ExactMoments:
    """Sums in Python integers; distances from the least value fit 64 unsigned bits."""
    wide = tile.astype(np.uint64 if tile.dtype.kind == "u" else np.int64).view(np.uint64)
    distance = wide - np.uint64(low % 2**64)
    limbs = np.empty((_LIMBS, tile.size))
    for place in range(_LIMBS):
        limbs[place] = distance >> np.uint64(_LIMB * place) & np.uint64(2**_LIMB - 1)
    weights = [1 << _LIMB * place for place in range(_LIMBS)]
    total = sum(weight * int(part) for weight, part in zip(weights, limbs.sum(1), strict=True))
    products = limbs @ limbs.T
    squares = sum(
        weights[row] * weights[column] * int(products[row, column])
        for row in range(_LIMBS)
        for column in range(_LIMBS)
    )
    count = tile.size
    return ExactMoments(count, low * count + total, low * low * count + 2 * low * total + squares)


def _fold_floats(tile: Array) -> Summary:
    values = widen(tile)
    finite, nan, infinite = _split_finite(values)
    zeros = values.size - int(np.count_nonzero(values))
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return Summary(_moments(finite), values.size, nan, infinite, zeros, low, high)


def _fold_complex(tile: Array) -> Summary:
    values = widen(tile)
    finite, nan, infinite = _split_finite(values)
    zeros = values.size - int(np.count_nonzero(values))
    moments = ComplexMoments(_moments(finite.real.copy()), _moments(finite.imag.copy()))
    return Summary(moments, values.size, nan, infinite, zeros)


def _split_finite(values: Array) -> tuple[Array, int, int]:
    """Returns the finite values, and the numbers of NaNs and of infinities."""
    is_finite = np.isfinite(values)
    if is_finite.all():
        return values, 0, 0
    nan = int(np.count_nonzero(np.isnan(values)))
    finite = values[is_finite]
    return finite, nan, values.size - finite.size - nan


def _moments(values: Array) -> Moments:
    """Takes deviations from a first mean, and corrects for what that mean missed."""
    if not values.size:
        return Moments()
    if values.min() == values.max():  # exactly constant, without rounding dust
        return Moments(values.size, float(values[0]))
    with np.errstate(over="ignore", invalid="ignore"):
        first = values.mean()
        if not np.isfinite(first):  # the sum overflows, though the mean does not
            first = (values / values.size).sum()
        distance = values - first
        missed = distance.mean()
        np.square(distance, out=distance)
        deviations = float(distance.sum() - values.size * missed**2)
    if not math.isfinite(deviations):
        return Moments(values.size, float(first), math.inf)
    return Moments(values.size, float(first + missed), deviations)


_FOLDS = {
    Kind.BOOL: _fold_bools,
    Kind.INTEGER: _fold_integers,
    Kind.FLOAT: _fold_floats,
    Kind.COMPLEX: _fold_complex,
}
