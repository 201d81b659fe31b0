"""Quantiles and a histogram of values, from the table in which they were counted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import Kind
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.counted import distinct
from initcli.statistics.grid import Floats, Grid, grid_of
from initcli.statistics.portrait import Distribution, Histogram
from initcli.statistics.summary import Summary

BINS = 12
_REACH = 4.0


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
    values = _representatives(grid, keys)
    if not seen.dtype.is_float:
        values = np.trunc(values)
    ends = float(summary.minimum), float(summary.maximum)
    values = np.clip(values, *ends)
    return Distribution(
        _quantiles(values, counts, probabilities),
        _histogram(values, counts, ends, summary),
        distinct(seen.table, grid),
    )


def _representatives(grid: Grid, keys: NDArray[np.int64]) -> Floats:
    """Returns what stands for each key: its value, the middle of its cell, or zero for zero's."""
    low = grid.low[keys] + 0.0  # which makes minus zero plain
    return low if grid.is_exact else np.where(low == 0, 0.0, (low + grid.high[keys]) / 2)


def _quantiles(
    values: Floats, counts: NDArray[np.int64], probabilities: Sequence[float]
) -> dict[float, float]:
    reached = np.cumsum(counts)
    # In whole numbers: p·n in float64 may land just beyond the rank that is meant.
    ranks = [max(1, _ceiling(p, int(reached[-1]))) for p in probabilities]
    places = np.searchsorted(reached, ranks)
    return dict(zip(probabilities, values[places].tolist(), strict=True))


def _ceiling(probability: float, count: int) -> int:
    scaled = round(probability * 1_000_000)
    return -(-scaled * count // 1_000_000)


def _histogram(
    values: Floats, counts: NDArray[np.int64], ends: tuple[float, float], summary: Summary
) -> Histogram:
    low, high = ends
    reach = _REACH * summary.std
    center = summary.mean.real
    if math.isfinite(reach):
        low, high = max(low, center - reach), min(high, center + reach)
    if not low < high or not math.isfinite(high - low):
        return Histogram(low, high, (int(counts.sum()),))
    places = np.clip((values - low) * (BINS / (high - low)), 0, BINS - 1).astype(np.int64)
    binned = np.bincount(places, weights=counts, minlength=BINS)
    return Histogram(low, high, tuple(int(count) for count in binned))
