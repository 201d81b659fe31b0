"""How many values fell into each of a fixed set of cells of the number line.

A drawn value is stored as the nearest that the dtype has. So the drawn values that end in a key
of the exact table lie between the midpoints to its neighbours, and a law's mass there is exact;
neighbouring keys are joined until each octave has sixteen cells. Wider dtypes are counted in the
cells of `initcli.statistics.grid`, whose edges are values, and rounding is no matter there. What is
2¹⁶ times smaller than the values' scale shares one cell: generators have too few bits to fill those
octaves as a continuous law does.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.statistics.grid import grid_of
from initcli.statistics.table import Table

# Sixteen cells an octave: finer ones tell two families apart no sooner, and cost as much more.
_OCTAVE_BITS = 4
_BYTE_BITS = 8
_NEGLIGIBLE = 2.0**-16


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Counts of finite values between ascending edges.

    Attributes:
        edges: k + 1 bounds, the first −∞ and the last +∞; a value on an edge is below it.
        counts: Of each of the k cells.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        """The number of values."""
        return int(self.counts.sum())


def cells_of(table: Table, dtype: DType, scale: float) -> Cells:
    """Returns the cells that hold a table's finite values, empty ones between them included.

    Args:
        table: At least one finite value of the dtype.
        dtype: A signed float, of whole bytes.
        scale: The root mean square of the values.
    """
    edges, place = _partition(dtype)
    finite = place[table.keys] >= 0
    counts = np.bincount(place[table.keys[finite]], table.counts[finite], len(edges) - 1)
    held = np.flatnonzero(counts)
    first, last = int(held[0]), int(held[-1])
    kept = edges[first : last + 2].copy()
    inner = counts[first : last + 1].astype(np.int64)
    if first:
        kept, inner = np.insert(kept, 0, -np.inf), np.insert(inner, 0, 0)
    if last < len(counts) - 1:
        kept, inner = np.append(kept, np.inf), np.append(inner, 0)
    return Cells(*_joined_at_zero(kept, inner, scale * _NEGLIGIBLE))


def _joined_at_zero(
    edges: NDArray[np.float64], counts: NDArray[np.int64], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns the cells with those that lie within a distance from zero made one."""
    inner = np.flatnonzero(np.abs(edges) < reach)
    if inner.size <= 2:  # noqa: PLR2004 - the two edges of one cell
        return edges, counts
    first, last = int(inner[0]), int(inner[-1])
    together = counts[first:last].sum(keepdims=True)
    return (
        np.concatenate([edges[: first + 1], edges[last:]]),
        np.concatenate([counts[:first], together, counts[last:]]),
    )


@functools.cache
def _partition(dtype: DType) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Returns the edges of all cells of a dtype, and each key's cell: −1 if it is not finite."""
    values = grid_of(dtype).low
    joined = 1 << _joined_bits(dtype)
    upper = np.append(_upper_bounds(dtype)[joined - 1 : -1 : joined], np.inf)
    zero, distance = len(upper) - 1, np.arange(values.size // 2) // joined
    place = np.concatenate([zero + distance, zero - distance])
    edges = np.concatenate([-upper[::-1], upper])
    return edges, np.where(np.isfinite(values), place, -1)


def _upper_bounds(dtype: DType) -> NDArray[np.float64]:
    """Returns up to where drawn values end in each finite key that is not negative."""
    grid = grid_of(dtype)
    low = grid.low[: grid.low.size // 2]
    low = low[np.isfinite(low)]
    following = (low[1:] + low[:-1]) / 2 if grid.is_exact else low[1:]
    return np.append(following, np.inf)


def _joined_bits(dtype: DType) -> int:
    """Returns how many of a key's last bits its cell leaves open; bytes are told apart."""
    if dtype.bits <= _BYTE_BITS:
        return 0
    mantissa = {"F16": 10, "BF16": 7}.get(dtype.code, 7)  # wide numbers have keys as BF16 has
    return mantissa - _OCTAVE_BITS
