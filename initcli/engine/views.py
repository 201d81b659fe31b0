"""Compares parts of stored matrices, and matrices stored transposed, tile by tile.

A transposed matrix has no stretch of values in common with the other; a tile has. Tiles are
square where they must be, so that both sides are read in runs of some KiB, and memory is that of
four tiles a thread however large the matrices are.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import BYTE
from initcli.core.progress import SILENT, Progress
from initcli.core.tensor import Shape
from initcli.engine.local import borrow, run_in_order
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import Reader, open_shard
from initcli.statistics.pair import PairSummary, Tolerance
from initcli.statistics.pair_fold import PairFold

TILE_BYTES = 4 << 20
_UNSIGNED = {1: "u1", 2: "u2", 4: "u4", 8: "u8"}


@dataclass(frozen=True, slots=True)
class View:
    """Rows and columns of a stored tensor, perhaps transposed.

    What has one dimension is a matrix of one column; further ones belong to the columns.

    Attributes:
        tensor: Where the values lie; a value takes whole bytes.
        rows: Which of them, along the first dimension.
        columns: Which of them, along all others together.
        transposed: Whether rows are seen as columns; for matrices only.
    """

    tensor: StoredTensor
    rows: range
    columns: range
    transposed: bool = False

    @classmethod
    def whole(cls, tensor: StoredTensor, *, transposed: bool = False) -> View:
        """Returns all of a tensor of one dimension or more."""
        first, *others = tensor.spec.shape
        return cls(tensor, range(first), range(math.prod(others)), transposed)

    @property
    def width(self) -> int:
        """The values of one stored row, those outside the view too."""
        return math.prod(self.tensor.spec.shape[1:])

    @property
    def itemsize(self) -> int:
        """Bytes a value."""
        return self.tensor.spec.dtype.bits // BYTE

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns as they are seen."""
        sides = len(self.rows), len(self.columns)
        return sides[::-1] if self.transposed else sides

    @property
    def nbytes(self) -> int:
        """The bytes of what is seen."""
        return len(self.rows) * len(self.columns) * self.itemsize

    @property
    def shape(self) -> Shape:
        """Its shape as it is stored."""
        own = self.tensor.spec.shape
        is_cut = len(self.columns) < self.width
        return (len(self.rows), *((len(self.columns),) if is_cut else own[1:]))

    @property
    def seen(self) -> Shape:
        """Its shape as it is seen."""
        return self.shape[::-1] if self.transposed else self.shape

    def tile(self, rows: range, columns: range) -> View:
        """Returns a part of it, by rows and columns as they are seen."""
        if self.transposed:
            rows, columns = columns, rows
        return View(
            self.tensor,
            self.rows[rows.start : rows.stop],
            self.columns[columns.start : columns.stop],
            self.transposed,
        )

    def read(self, reader: Reader, slot: int) -> memoryview:
        """Returns its values row by row as they are seen, in a buffer of this thread.

        Args:
            reader: Of its shard.
            slot: Which buffer; the next slot is used too.

        Raises:
            TruncatedError, MissingError: The file is not what it was when it was opened.
        """
        stored = borrow(slot, self.nbytes)
        for number, (offset, count) in enumerate(self._runs()):
            reader.read(offset, stored[number * count : (number + 1) * count])
        if not self.transposed:
            return stored
        turned = borrow(slot + 1, self.nbytes)
        np.copyto(self._array(turned, *self.sides), self._array(stored, *self.sides[::-1]).T)
        return turned

    def _runs(self) -> Iterator[tuple[int, int]]:
        """Yields offset and bytes of what lies together, all runs of one length."""
        start = self.tensor.offset + self.columns.start * self.itemsize
        stride = self.width * self.itemsize
        if len(self.columns) == self.width:
            yield start + self.rows.start * stride, self.nbytes
            return
        for row in self.rows:
            yield start + row * stride, len(self.columns) * self.itemsize

    def _array(self, raw: memoryview, rows: int, columns: int) -> NDArray[np.generic]:
        code = _UNSIGNED.get(self.itemsize, f"V{self.itemsize}")
        return np.frombuffer(raw, code).reshape(rows, columns)


def cannot_view(tensor: StoredTensor) -> str:
    """Returns why a tensor's parts cannot be read, or an empty string."""
    dtype = tensor.spec.dtype
    if not dtype.is_decoded:
        return f"values of {dtype.code} are not decoded"
    return f"values of {dtype.code} share bytes" if dtype.bits % BYTE else ""


@dataclass(frozen=True, slots=True)
class ViewPair:
    """Two views with as many rows and columns, and how far apart their values may be."""

    a: View
    b: View
    tolerance: Tolerance

    @property
    def nbytes(self) -> int:
        """The bytes to be read of both."""
        return self.a.nbytes + self.b.nbytes

    def tiles(self) -> Iterator[ViewPair]:
        """Yields pairs of parts that cover both once."""
        rows, columns = self.a.sides
        height, width = self._tile_sides()
        for top in range(0, rows, height) or (0,):
            for left in range(0, columns, width) or (0,):
                part = range(top, min(top + height, rows)), range(left, min(left + width, columns))
                yield ViewPair(self.a.tile(*part), self.b.tile(*part), self.tolerance)

    def _tile_sides(self) -> tuple[int, int]:
        most = TILE_BYTES // max(self.a.itemsize, self.b.itemsize)
        is_turned = self.a.transposed or self.b.transposed
        width = min(self.a.sides[1], math.isqrt(most) if is_turned else most) or 1
        return max(1, most // width), width


def view_summaries(
    pairs: Collection[ViewPair], jobs: int, progress: Progress = SILENT
) -> Iterator[PairSummary]:
    """Compares pairs of views, of which each value is read once.

    Yields:
        Each pair's summary, in their order.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    owners = [(number, tile) for number, pair in enumerate(pairs) for tile in pair.tiles()]
    done = run_in_order(_compare, (tile for _, tile in owners), jobs)
    so_far: dict[int, PairSummary] = {}
    for (number, tile), part in zip(owners, done, strict=True):
        progress.advance(tile.nbytes)
        if so_far and number not in so_far:
            yield so_far.popitem()[1]
        so_far[number] = so_far[number] + part if number in so_far else part
    yield from so_far.values()


def _compare(pair: ViewPair) -> PairSummary:
    with ExitStack() as stack:
        raws = [
            view.read(stack.enter_context(open_shard(view.tensor.shard)), 2 * number)
            for number, view in enumerate((pair.a, pair.b))
        ]
        dtypes = pair.a.tensor.spec.dtype, pair.b.tensor.spec.dtype
        fold = PairFold(*dtypes, pair.tolerance, len(pair.a.rows) * len(pair.a.columns))
        fold.add(*raws)
        return fold.result()
