"""Summaries that follow from a table of every value that a dtype has."""

from __future__ import annotations

import functools
import math
from operator import mul

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.statistics.exact_moments import ExactMoments
from initcli.statistics.grid import Floats, Grid, grid_of
from initcli.statistics.moments import AnyMoments, Moments
from initcli.statistics.summary import Summary
from initcli.statistics.table import Table

Integers = NDArray[np.int64]
_SORTS = 7


def summary_of(table: Table, dtype: DType) -> Summary:
    """Returns the summary of counted values.

    Args:
        table: How often each pattern of the dtype occurred.
        dtype: One of at most 16 bits.

    Returns:
        Counts and extrema exactly; the mean of floats rounded from its exact value, and integer
        moments from exact sums. Other moments of floats are summed in float64 about the mean.
    """
    grid = grid_of(dtype)
    keys, counts = grid.ascending(table)
    finite = grid.low[keys]
    extrema = (finite[0], finite[-1]) if finite.size else (None, None)
    numbers = _numbers(table, dtype)
    return Summary(
        _moments(finite, counts, dtype),
        table.total,
        *numbers[:-1],
        *(_plain(extreme, dtype) for extreme in extrema),
        *numbers[-1:],
    )


def _numbers(table: Table, dtype: DType) -> list[int]:
    """Returns how many values are NaN, +∞, −∞, zero, subnormal, and of the largest finite size."""
    # Weights are float64, in which counts below 2⁵³ are exact.
    numbers = np.bincount(_sorts(dtype)[table.keys], table.counts, minlength=_SORTS)
    return list(map(int, numbers[1:].tolist()))


@functools.cache
def _sorts(dtype: DType) -> NDArray[np.uint8]:
    """Returns by which of the numbers each key is counted: 1 is NaN, 6 the largest, 0 none."""
    grid = grid_of(dtype)
    values, size = grid.low, np.abs(grid.low)
    is_subnormal = (size > 0) & (size < grid.smallest)
    largest = dtype.largest if dtype.is_float else math.nan
    special = [np.isnan(values), values == math.inf, values == -math.inf, size == 0]
    chosen = [*special, is_subnormal, size == largest]
    return np.select(chosen, list(range(1, _SORTS))).astype(np.uint8)


def _plain(extreme: float | None, dtype: DType) -> float | int | None:
    if extreme is None:
        return None
    return float(extreme) + 0.0 if dtype.is_float else int(extreme)  # minus zero becomes plain


def _moments(values: Floats, counts: Integers, dtype: DType) -> AnyMoments:
    if not dtype.is_float:
        return _exact_moments([int(value) for value in values], counts.tolist())
    if not values.size:
        return Moments()
    count = int(counts.sum())
    mean = _exact_sum(values, counts) / count
    off = values - mean
    square = off * off
    weighted = counts * square
    return Moments(
        count,
        mean,
        float(weighted.sum()),
        float((weighted * off).sum()),
        float((weighted * square).sum()),
    )


def _exact_sum(values: Floats, counts: Integers) -> float:
    """Returns Σ count·value of ascending values, rounded once."""
    # Values of one exponent have at most 11 significant bits: below 2⁴² of them their sum is exact.
    exponents = np.frexp(values)[1]
    starts = np.flatnonzero(exponents[1:] != exponents[:-1]) + 1
    return math.fsum(np.add.reduceat(values * counts, [0, *starts]).tolist())


def _exact_moments(values: list[int], counts: list[int]) -> ExactMoments:
    sums = []
    powers = [1] * len(values)
    for _ in range(5):
        sums.append(sum(map(mul, counts, powers)))
        powers = list(map(mul, powers, values))
    return ExactMoments(*sums)


def distinct(table: Table, grid: Grid) -> int | None:
    """Returns the number of distinct values but NaN, both zeros being one.

    None where a key stands for several values.
    """
    if not grid.is_exact:
        return None
    values = grid.low[table.keys]
    zeros = int(np.count_nonzero(values == 0))
    return int(np.count_nonzero(~np.isnan(values))) - max(0, zeros - 1)
