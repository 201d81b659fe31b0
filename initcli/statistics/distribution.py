"""Quantiles and a histogram of values, from the table in which they were counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType, Kind
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.counted import distinct
from initcli.statistics.grid import Floats, Grid, grid_of
from initcli.statistics.portrait import Distribution, Histogram
from initcli.statistics.summary import Summary

BINS = 12
_REACH = 4.0
_FLOAT32_BITS = 32
_NEAREST = 2.0**-126
# Where the last cell of float64 values begins; it ends where float64 does.
_BEYOND = 2.0**128 * (1 - 2.0**-8)


def distribution_of(
    seen: Accumulator, summary: Summary, probabilities: Sequence[float]
) -> Distribution | None:
    """Returns how values are distributed; None for complex values, which have no order."""
    if seen.dtype.kind is Kind.COMPLEX:
        return None
    grid = grid_of(seen.dtype)
    keys, counts = grid.ascending(seen.table)
    if not keys.size or summary.minimum is None or summary.maximum is None:
        return Distribution({}, None, distinct(seen.table, grid))
    ends = float(summary.minimum), float(summary.maximum)
    cells = _cells(grid, keys, counts)
    quantiles = (
        _stated(found, seen.dtype, summary) for found in _quantiles(cells, ends, probabilities)
    )
    return Distribution(
        dict(zip(probabilities, quantiles, strict=True)),
        _histogram(cells, ends, summary),
        distinct(seen.table, grid),
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where values lie, ascending: cells from start to end, or points, where the two are one."""

    start: Floats
    end: Floats
    counts: NDArray[np.int64]
    reached: NDArray[np.int64]


def _cells(grid: Grid, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> _Cells:
    low, high = grid.low[keys] + 0.0, grid.high[keys] + 0.0  # which makes minus zero plain
    high[low == 0] = 0.0  # zeros are what the cells around zero hold, but for the tiniest
    return _Cells(np.minimum(low, high), np.maximum(low, high), counts, np.cumsum(counts))


def _quantiles(
    cells: _Cells, ends: tuple[float, float], probabilities: Sequence[float]
) -> list[float]:
    """Returns the values of ranks ⌈p·n⌉, as if a cell's values lay evenly in it."""
    total = int(cells.reached[-1])
    # In whole numbers: p·n in float64 may land just beyond the rank that is meant.
    ranks = [max(1, -(-round(each * 1_000_000) * total // 1_000_000)) for each in probabilities]
    places = np.searchsorted(cells.reached, ranks)
    start, counts = cells.start[places], cells.counts[places]
    share = (np.array(ranks) - (cells.reached[places] - counts) - 0.5) / counts
    found: list[float] = np.clip(start + (cells.end[places] - start) * share, *ends).tolist()
    return found


def _stated(quantile: float, dtype: DType, summary: Summary) -> float | None:
    """Returns a quantile where its error is bounded as stated.

    None in float64 where what is beyond bfloat16's exponents shares a cell: from 2¹²⁸ on, and
    near zero unless only zeros are there.
    """
    if not dtype.is_float:
        return float(math.trunc(quantile))
    if dtype.bits <= _FLOAT32_BITS:
        return quantile
    if quantile == 0 and summary.zeros:
        return quantile
    return quantile if _NEAREST <= abs(quantile) < _BEYOND else None


def _histogram(cells: _Cells, ends: tuple[float, float], summary: Summary) -> Histogram:
    low, high = ends
    reach = _REACH * summary.std
    center = summary.mean.real
    if math.isfinite(reach):
        low, high = max(low, center - reach), min(high, center + reach)
    if not low < high or not math.isfinite(high - low):
        return Histogram(low, high, (int(cells.reached[-1]),))
    bins = _resolved(cells, low, high)
    inner = np.asarray(low + np.arange(1, bins) * ((high - low) / bins), np.float64)
    bounds = [0, *_counted_below(cells, ends, inner), int(cells.reached[-1])]
    return Histogram(low, high, tuple(int(count) for count in np.diff(bounds)))


def _resolved(cells: _Cells, low: float, high: float) -> int:
    """Returns how many bins there can be of which none is narrower than a cell."""
    is_inside = (cells.end >= low) & (cells.start <= high)
    width = float((cells.end - cells.start)[is_inside].max(initial=0.0))
    return max(1, min(BINS, int((high - low) / width))) if width else BINS


def _counted_below(cells: _Cells, ends: tuple[float, float], edges: Floats) -> list[int]:
    """Returns how many values lie below each edge, as if a cell's values lay evenly in it."""
    start, end = np.clip(cells.start, *ends), np.clip(cells.end, *ends)
    reached = np.concatenate([[0], cells.reached])
    whole = np.searchsorted(end, edges)  # cells that end before the edge
    cut = np.minimum(whole, start.size - 1)
    width = end[cut] - start[cut]
    share = np.where(width > 0, (edges - start[cut]) / np.where(width > 0, width, 1.0), 0.0)
    within = np.rint(np.clip(share, 0.0, 1.0) * cells.counts[cut])
    return [int(count) for count in reached[whole] + np.where(whole < start.size, within, 0)]
