"""Summaries that follow from a table of every value that a dtype has."""

from __future__ import annotations

import math
from operator import mul

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.statistics.grid import Floats, Grid, grid_of
from initcli.statistics.moments import AnyMoments, ExactMoments, Moments
from initcli.statistics.summary import Summary
from initcli.statistics.table import Table

Integers = NDArray[np.int64]


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
    values = grid.low[table.keys]
    keys, counts = grid.ascending(table)
    finite = grid.low[keys]
    size = np.abs(finite)
    extrema = (finite[0], finite[-1]) if finite.size else (None, None)
    return Summary(
        _moments(finite, counts, dtype),
        table.total,
        _number(table.counts, np.isnan(values)),
        _number(table.counts, values == math.inf),
        _number(table.counts, values == -math.inf),
        _number(counts, size == 0),
        _number(counts, (size > 0) & (size < grid.smallest)),
        *(_plain(extreme, dtype) for extreme in extrema),
    )


def _number(counts: Integers, chosen: NDArray[np.bool_]) -> int:
    return int(counts[chosen].sum())


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
    # A product of a count and a value of at most 11 significant bits is exact below 2⁴² values.
    mean = math.fsum((values * counts).tolist()) / count
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
