"""How far the values of two tensors are apart as distributions, whatever their places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import Kind
from initcli.kernels.twin import cells_of
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.grid import grid_of

BINS = 10
FLOOR = 1e-4
"""The share that an empty bin counts for, so that its logarithm is finite."""

_SIGN = 1 << 15
# Cells of float64 and of integers end at 2⁻¹²⁶; what is nearer to zero counts as zero.
_NEAREST = 1 << 7

Places = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shift:
    """Distances of two distributions.

    Attributes:
        ks: sup |F_A − F_B|, the two-sample Kolmogorov-Smirnov statistic. No p-value goes with it:
            trained weights are no independent draws.
        psi: The population stability index Σ (q − p)·ln(q / p), p and q being A's and B's shares
            of the bins between A's deciles; bins of equal values are one.
    """

    ks: float
    psi: float


def shift_of(a: Accumulator, b: Accumulator) -> Shift | None:
    """Compares the finite values of two tensors by the tables in which they were counted.

    Of dtypes of at most 16 bits every value counts apart, and `ks` is exact. If either dtype is
    wider, values are counted in cells narrower than 2⁻⁷ of themselves, which are never split: `ks`
    falls short by no more than the largest share of a cell, and deciles are the ends of cells.

    Returns:
        The distances; None for complex values, or where a side has no finite one.
    """
    if Kind.COMPLEX in {a.dtype.kind, b.dtype.kind}:
        return None
    is_exact = grid_of(a.dtype).is_exact and grid_of(b.dtype).is_exact
    placed = [_placed(each, is_exact=is_exact) for each in (a, b)]
    if not all(counts.size for _, counts in placed):
        return None
    reached_a, reached_b = _reached(*placed)
    return Shift(float(np.abs(reached_a - reached_b).max()), _stability(reached_a, reached_b))


def _placed(seen: Accumulator, *, is_exact: bool) -> tuple[Places, Counts]:
    """Returns where values lie and how many of them: at values, or at numbers of cells."""
    grid = grid_of(seen.dtype)
    keys, counts = grid.ascending(seen.table)
    if is_exact:
        return grid.low[keys], counts
    cells = cells_of(grid.low[keys]) if grid.is_exact else keys
    sizes = cells & (_SIGN - 1)
    sizes[sizes < _NEAREST] = 0
    return np.where(cells & _SIGN, -sizes, sizes).astype(np.float64), counts


def _reached(a: tuple[Places, Counts], b: tuple[Places, Counts]) -> tuple[Places, Places]:
    """Returns both cumulative shares at every place where either has values."""
    places, found = np.unique(np.concatenate([a[0], b[0]]), return_inverse=True)
    counts = np.zeros((2, places.size), np.int64)
    np.add.at(counts[0], found[: a[0].size], a[1])
    np.add.at(counts[1], found[a[0].size :], b[1])
    reached = counts.cumsum(axis=1)
    one, other = reached / reached[:, -1:]
    return one, other


def _stability(a: Places, b: Places) -> float:
    deciles = np.arange(1, BINS) / BINS
    # A share that equals a decile but for rounding ends its bin.
    ends = np.unique(np.append(np.searchsorted(a, deciles * (1 - 1e-12)), a.size - 1))
    p, q = (np.maximum(np.diff(shares[ends], prepend=0.0), FLOOR) for shares in (a, b))
    return float(((q - p) * np.log(q / p)).sum())
