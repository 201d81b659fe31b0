"""Summaries of numbers too wide to count each value: floats and integers of 32 bits, complex."""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.kernels import loops
from initcli.kernels.twin import cells_of
from initcli.statistics.decode import Array, widen
from initcli.statistics.exact_moments import ExactMoments
from initcli.statistics.moments import ComplexMoments, Moments
from initcli.statistics.summary import Summary
from initcli.statistics.table import Table

WIDE_CODES = {"F32": "f", "F64": "d"}
"""How the inner loops know floats that are too wide to count each value."""

_LIMB = 16
_KEYS = 1 << 16
_clean = threading.local()
"""A table of each thread's that is all zero between uses."""


def fold_floats(raw: memoryview, dtype: DType, table: NDArray[np.uint32]) -> Summary:
    """Summarises float32 or float64 values, and counts them in the table of their cells."""
    finite, nan, positive, negative, zeros, subnormal, low, high, shift, *sums = loops.CHOSEN.scan(
        raw, WIDE_CODES[dtype.code], table
    )
    low, high = low + 0.0, high + 0.0  # minus zero becomes plain
    count = finite + nan + positive + negative
    counts = (count, nan, positive, negative, zeros, subnormal)
    if not finite:
        return Summary(Moments(), *counts)
    if low == high:  # exactly constant, without rounding dust
        return Summary(Moments(finite, low), *counts, low, high)
    moments = Moments.about(finite, shift, sums)
    if not math.isfinite(moments.mean):  # a sum overflows, though the mean does not
        moments = Moments(finite, _careful_mean(raw, dtype, finite), math.inf, math.nan, math.inf)
    return Summary(moments, *counts, low, high)


def fold_few_floats(raw: memoryview, dtype: DType) -> tuple[Summary, Table]:
    """Summarises and counts so few values that to empty a whole table would cost more."""
    table: NDArray[np.uint32] | None = getattr(_clean, "table", None)
    if table is None:
        table = _clean.table = np.zeros(_KEYS, np.uint32)
    summary = fold_floats(raw, dtype, table)
    keys = np.unique(cells_of(np.frombuffer(raw, dtype.numpy)))
    counts = table[keys].astype(np.int64)
    table[keys] = 0
    return summary, Table(keys.astype(np.int64), counts)


def _careful_mean(raw: memoryview, dtype: DType, count: int) -> float:
    values = np.frombuffer(raw, dtype.numpy)
    return float((values[np.isfinite(values)] / count).sum())


def fold_integers(tile: Array) -> Summary:
    """Summarises integers of any size exactly, at most 2¹⁶ of them."""
    low, high = int(tile.min()), int(tile.max())
    zeros = tile.size - int(np.count_nonzero(tile))
    moments = _exact_moments(tile, low, high)
    return Summary(moments, tile.size, zeros=zeros, minimum=low, maximum=high)


def count_cells(tile: Array, table: NDArray[np.uint32]) -> None:
    """Counts integers in the cells of their float64 values."""
    loops.CHOSEN.scan(widen(tile).data, "d", table)


def _exact_moments(tile: Array, low: int, high: int) -> ExactMoments:
    """Sums limbs of 16 bits: 2¹⁶ products of two stay below 2⁵³, where float64 counts exactly."""
    wide = tile.astype(np.uint64 if tile.dtype.kind == "u" else np.int64).view(np.uint64)
    distance = wide - np.uint64(low % 2**64)
    places = range(max(1, -(-(high - low).bit_length() // _LIMB)))
    limbs = np.empty((len(places), tile.size))
    for place in places:
        limbs[place] = distance >> np.uint64(_LIMB * place) & np.uint64(2**_LIMB - 1)
    weights = [1 << _LIMB * place for place in places]
    total = sum(weight * int(part) for weight, part in zip(weights, limbs.sum(1), strict=True))
    products = limbs @ limbs.T
    squares = sum(
        weights[row] * weights[column] * int(products[row, column])
        for row in places
        for column in places
    )
    count = tile.size
    return ExactMoments(
        count, low * count + total, low * low * count + 2 * low * total + squares, None, None
    )


def fold_complex(tile: Array) -> Summary:
    """Summarises complex values; NaN in either part makes a value NaN."""
    values = widen(tile)
    finite = values[np.isfinite(values)]
    nan = int(np.count_nonzero(np.isnan(values)))
    infinite = values.size - finite.size - nan
    zeros = values.size - int(np.count_nonzero(values))
    return Summary(finite_moments(finite), values.size, nan, negative=infinite, zeros=zeros)


def finite_moments(values: Array) -> Moments | ComplexMoments:
    """Returns the first two moments of float64 or complex128 values that are all finite."""
    if values.dtype.kind == "c":
        return ComplexMoments(_moments(values.real), _moments(values.imag))
    return _moments(values)


def _moments(values: Array) -> Moments:
    found = loops.CHOSEN.total(np.ascontiguousarray(values).data, "d")
    if found is not None:
        count, shift, *sums = found
        return Moments.about(count, shift, sums)
    with np.errstate(over="ignore"):  # the squares overflow, though the mean does not
        mean = float((values / values.size).sum())
    return Moments(values.size, mean, math.inf, math.nan, math.nan)
