"""Energies of a tensor's rows and columns, gathered in the pass that reads its values.

Rows run along the first dimension, as output units do; columns along the second, as input units
do. What further dimensions hold, the taps of a convolution, belongs to both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.tensor import Shape
from initcli.statistics.decode import Array, widen

# Beyond this many rows or columns their energies would take more memory than a chunk's worth.
MOST_LINES = 1 << 20
_MATRIX = 2


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
            joint.join(part.start - start, part.energy, part.low, part.high, part.hurt)
        return joint

    def join(self, at: int, energy: Array, low: Array, high: Array, hurt: Array) -> None:
        """Adds what was seen of the lines from one on; only while they are being gathered."""
        here = slice(at, at + len(energy))
        with np.errstate(over="ignore"):
            self.energy[here] += energy
        np.minimum(self.low[here], low, out=self.low[here])
        np.maximum(self.high[here], high, out=self.high[here])
        self.hurt[here] += hurt


def cannot_line(shape: Shape) -> str:
    """Returns why a tensor has no rows and columns to look at; empty if it has."""
    if len(shape) < _MATRIX or not all(shape):
        return "it has no rows"
    most = max(shape[:_MATRIX])
    return f"it has {most:,} rows or columns" if most > MOST_LINES else ""


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

    def add(self, tile: Array) -> None:
        """Adds the next values, in any real dtype."""
        values = widen(tile)
        is_hurt = ~np.isfinite(values)
        with np.errstate(over="ignore"):  # an energy beyond float64 is infinite
            while values.size:
                count = self._stretch(values.size)
                self._add_block(values[:count], is_hurt[:count])
                values, is_hurt = values[count:], is_hurt[count:]

    def _stretch(self, available: int) -> int:
        """Returns how many values to take: whole rows, or what is left of a row."""
        into = self._at % self._length
        if into:
            return min(available, self._length - into)
        return available // self._length * self._length or available

    def _add_block(self, values: Array, is_hurt: Array) -> None:
        into, row = self._at % self._length, self._at // self._length - self.rows.start
        self._at += values.size
        parts = _parts(values, is_hurt)
        if values.size % self._length:
            self.rows.join(row, *(_along(part, (0,)) for part in parts))
            self._add_partial(parts, into)
            return
        shape = (-1, self._columns, self._taps)
        cubes = [(reduce, part.reshape(shape)) for reduce, part in parts]
        self.rows.join(row, *(_along(cube, (1, 2)) for cube in cubes))
        self.columns.join(0, *(_along(cube, (0, 2)) for cube in cubes))

    def _add_partial(self, parts: list[Part], into: int) -> None:
        """Adds part of a row to the columns it crosses."""
        first = into // self._taps
        places = (into + np.arange(parts[0][1].size)) // self._taps - first
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        self.columns.join(first, *(reduce.reduceat(part, starts) for reduce, part in parts))


Part = tuple[Any, Array]
"""What folds values of a line into one, and the values."""


def _parts(values: Array, is_hurt: Array) -> list[Part]:
    low = high = values
    if is_hurt.any():
        low = np.where(is_hurt, math.inf, values)
        high = np.where(is_hurt, -math.inf, values)
        values = np.where(is_hurt, 0.0, values)
    return [
        (np.add, values * values),
        (np.minimum, low),
        (np.maximum, high),
        (np.add, is_hurt.view("i1")),
    ]


def _along(part: Part, axes: tuple[int, ...]) -> Array:
    reduce, values = part
    reduced = np.asarray(reduce.reduce(values, axis=axes))
    return reduced.reshape(-1)
