"""Energies of a tensor's rows and columns, gathered in the pass that reads its values.

Rows run along the first dimension, as output units do; columns along the second, as input units
do. What further dimensions hold, the taps of a convolution, belongs to both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import Kind
from initcli.core.tensor import Shape, TensorSpec
from initcli.statistics.decode import Array

# What is kept of a line takes 32 bytes: of rows once, of columns for every piece under way.
MOST_ROWS = 1 << 20
MOST_COLUMNS = 1 << 18
_WHAT = ("rows", "columns")
_MATRIX = 2
_TILE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """What is kept of consecutive rows, or of columns; merging joins what is known of each.

    Attributes:
        start: The index of the first.
        energy: Σx² of each one's finite values.
        low: The least finite value of each; +∞ without one.
        high: The greatest, likewise −∞.
        hurt: How many values of each are NaN or infinite.
    """

    start: int
    energy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    hurt: NDArray[np.int64]

    @classmethod
    def empty(cls, start: int, count: int) -> Self:
        """Returns lines of which nothing is known."""
        return cls(
            start,
            np.zeros(count),
            np.full(count, math.inf),
            np.full(count, -math.inf),
            np.zeros(count, np.int64),
        )

    def __add__(self, other: Self) -> Self:
        """Pools disjoint sets of values."""
        start = min(self.start, other.start)
        end = max(self.start + self.energy.size, other.start + other.energy.size)
        joint = type(self).empty(start, end - start)
        for part in (self, other):
            seen = (part.energy, part.low, part.high)
            joint.join(part.start - start, seen, part.hurt)
        return joint

    def join(self, at: int, seen: Sequence[Array], hurt: Array | int) -> None:
        """Adds what was seen of the lines from one on; only while they are being gathered.

        Args:
            at: Where the first of them stands here.
            seen: Their energies, minima and maxima.
            hurt: How many of their values are not finite.
        """
        energy, low, high = seen
        here = slice(at, at + len(energy))
        with np.errstate(over="ignore"):
            self.energy[here] += energy
        np.minimum(self.low[here], low, out=self.low[here])
        np.maximum(self.high[here], high, out=self.high[here])
        self.hurt[here] += hurt


def cannot_line(spec: TensorSpec) -> str:
    """Returns why a tensor has no rows and columns to look at; empty if it has."""
    if len(spec.shape) < _MATRIX or not spec.parameters:
        return "it has none"
    if not spec.dtype.is_decoded or spec.dtype.kind in {Kind.COMPLEX, Kind.BOOL}:
        return f"of {spec.dtype.code} values they are not looked at"
    for count, most, what in zip(spec.shape, (MOST_ROWS, MOST_COLUMNS), _WHAT, strict=False):
        if count > most:
            return f"{count:,} {what} are more than the {most:,} that are looked at"
    return ""


class LineFold:
    """Gathers rows and columns from consecutive values of one tensor.

    Args:
        shape: The tensor's shape, of at least two dimensions.
        first: The number of the first value to come.
        count: How many are to come.
    """

    def __init__(self, shape: Shape, first: int, count: int) -> None:
        self._columns = shape[1]
        self._taps = math.prod(shape[2:])
        self._length = self._columns * self._taps
        self._at = first
        start, end = first // self._length, -(-(first + count) // self._length)
        self.rows = Lines.empty(start, end - start)
        self.columns = Lines.empty(0, self._columns)
        # Kept between tiles: to fault fresh pages in for each costs more than to fill them.
        self._wide, self._squares = np.empty(_TILE), np.empty(_TILE)

    def add(self, values: Array) -> None:
        """Adds the next values, in any real dtype."""
        for start in range(0, values.size, _TILE):
            tile = values[start : start + _TILE]
            wide = self._wide[: tile.size]
            # A signalling NaN warns when converted; an energy beyond float64 is infinite.
            with np.errstate(invalid="ignore", over="ignore"):
                np.copyto(wide, tile)
                self._add_tile(wide)

    def _add_tile(self, wide: Array) -> None:
        while wide.size:
            count = self._stretch(wide.size)
            self._add_block(wide[:count])
            wide = wide[count:]

    def _stretch(self, available: int) -> int:
        """Returns how many values to take: whole rows, or what is left of a row."""
        into = self._at % self._length
        if into:
            return min(available, self._length - into)
        return available // self._length * self._length or available

    def _add_block(self, values: Array) -> None:
        into, row = self._at % self._length, self._at // self._length - self.rows.start
        self._at += values.size
        is_whole = not values.size % self._length
        matrix = values.reshape(-1, self._length if is_whole else values.size)
        is_hurt = ~np.isfinite(matrix)
        hurt = np.where(is_hurt, 1, 0) if is_hurt.any() else None
        squares = self._squares[: values.size].reshape(matrix.shape)
        parts = _parts(matrix, is_hurt if hurt is not None else None, squares)
        rows = [reduce.reduce(part, axis=1) for reduce, part in parts]
        columns = [
            self._by_column(into, reduce, reduce.reduce(part, axis=0)) for reduce, part in parts
        ]
        self.rows.join(row, rows, 0 if hurt is None else hurt.sum(axis=1))
        crossed = 0 if hurt is None else self._by_column(into, np.add, hurt.sum(axis=0))
        self.columns.join(into // self._taps, columns, crossed)

    def _by_column(self, into: int, reduce: Any, along: Array) -> Array:  # noqa: ANN401 - a ufunc
        """Folds the taps of each column among consecutive values of a row, the first one cut."""
        if self._taps == 1:
            return along
        later = np.arange(self._taps - into % self._taps, along.size, self._taps)
        return np.asarray(reduce.reduceat(along, np.concatenate([[0], later])))


def _parts(values: Array, is_hurt: Array | None, squares: Array) -> list[tuple[Any, Array]]:
    """Returns what folds energies, minima and maxima, each with the values to be folded."""
    low = high = values
    if is_hurt is not None:
        low, high = np.where(is_hurt, math.inf, values), np.where(is_hurt, -math.inf, values)
        values = np.where(is_hurt, 0.0, values)
    np.multiply(values, values, out=squares)
    return [(np.add, squares), (np.minimum, low), (np.maximum, high)]
