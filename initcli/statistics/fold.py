"""Folds chunks of stored values into accumulators, each kind of number in its own way."""

from __future__ import annotations

import functools
import threading

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType, Kind
from initcli.kernels import loops
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.decode import tiles
from initcli.statistics.exact_moments import ExactMoments
from initcli.statistics.grid import is_counted
from initcli.statistics.moments import AnyMoments, ComplexMoments, Moments
from initcli.statistics.summary import Summary
from initcli.statistics.table import Table
from initcli.statistics.wide import (
    count_cells,
    fold_complex,
    fold_few_floats,
    fold_floats,
    fold_integers,
)

_BYTES = 1 << 8
_HALVES = 1 << 16
_BYTE_BITS = 8
# Fewer values than this are counted without a table of every key.
_FEW = 1 << 10
_MOST = 1 << 31
_scratch = threading.local()


class Fold:
    """Accumulates consecutive values of one tensor, chunk by chunk, on one thread.

    Only one fold a thread is under way at a time: they share the thread's table.

    Args:
        dtype: A decoded dtype.
        count: How many values are to come; a bound, by which few of them take a shorter way.
    """

    def __init__(self, dtype: DType, count: int) -> None:
        if not dtype.is_decoded:
            message = f"{dtype.code} values are not decoded"
            raise ValueError(message)
        self._dtype = dtype
        self._is_small = count < _FEW
        self._counts: NDArray[np.uint32] | None = None
        self._counted = 0
        self._table = Table.empty()
        self._tally: Summary | None = None if is_counted(dtype) else nothing(dtype)

    def add(self, raw: memoryview) -> None:
        """Adds whole values, little-endian, row-major; fewer than 2³¹ bytes of them."""
        if not len(raw):
            return
        self._make_room(len(raw))
        if self._tally is None:
            self._count(raw)
        elif self._dtype.is_float and self._is_small:
            summary, table = fold_few_floats(raw, self._dtype)
            self._tally, self._table = self._tally + summary, self._table + table
        elif self._dtype.is_float:
            self._tally += fold_floats(raw, self._dtype, self._dense(_HALVES))
        elif self._dtype.kind is Kind.INTEGER:
            for tile in tiles(raw, self._dtype):
                self._tally += fold_integers(tile)
                count_cells(tile, self._dense(_HALVES))
        else:
            for tile in tiles(raw, self._dtype):
                self._tally += fold_complex(tile)

    def result(self) -> Accumulator:
        """Returns what was accumulated; nothing may be added afterwards."""
        table = self._table if self._counts is None else self._table + Table.of(self._counts)
        return Accumulator(self._dtype, _canonical(table, self._dtype), self._tally)

    def _count(self, raw: memoryview) -> None:
        is_byte = self._dtype.bits <= _BYTE_BITS
        if self._is_small:
            keys = np.frombuffer(raw, np.uint8 if is_byte else "<u2")
            self._table += Table.of_keys(keys)
        elif is_byte:
            loops.CHOSEN.count_bytes(raw, self._dense(_BYTES))
        else:
            loops.CHOSEN.count_halves(raw, self._dense(_HALVES))

    def _make_room(self, count: int) -> None:
        """Empties the table before any of its 32-bit counts could overflow."""
        self._counted += count
        if self._counts is not None and self._counted >= _MOST:
            self._table += Table.of(self._counts)
            self._counts.fill(0)
            self._counted = count

    def _dense(self, keys: int) -> NDArray[np.uint32]:
        """Returns the thread's table of a size, emptied at the fold's first use of it."""
        if self._counts is None:
            held: dict[int, NDArray[np.uint32]] = _scratch.__dict__.setdefault("held", {})
            if keys not in held:
                held[keys] = np.empty(keys, np.uint32)
            self._counts = held[keys]
            self._counts.fill(0)
        return self._counts


@functools.cache
def nothing(dtype: DType) -> Summary:
    """Returns the identity of merging summaries of a dtype."""
    kinds: dict[Kind, AnyMoments] = {Kind.FLOAT: Moments(), Kind.COMPLEX: ComplexMoments()}
    is_wide = dtype.kind is Kind.INTEGER and not is_counted(dtype)
    powers = (None, None) if is_wide else (0, 0)
    at_largest = 0 if is_counted(dtype) else None
    return Summary(kinds.get(dtype.kind, ExactMoments(0, 0, 0, *powers)), at_largest=at_largest)


def accumulate(raw: memoryview, dtype: DType) -> Accumulator:
    """Accumulates consecutive values: whole, little-endian, row-major."""
    fold = Fold(dtype, len(raw) * 8 // dtype.bits)
    fold.add(raw)
    return fold.result()


def summarise(raw: memoryview, dtype: DType) -> Summary:
    """Summarises consecutive values: whole, little-endian, row-major."""
    return accumulate(raw, dtype).summary


def _canonical(table: Table, dtype: DType) -> Table:
    """Folds the patterns of bytes that hold two values, or one of two, into those of values."""
    if dtype.kind is Kind.BOOL:
        return _regrouped(table, np.minimum(table.keys, 1))
    if dtype.is_packed:
        halves = np.concatenate([table.keys & 15, table.keys >> 4])
        return _regrouped(Table(halves, np.tile(table.counts, 2)), halves)
    return table


def _regrouped(table: Table, keys: NDArray[np.int64]) -> Table:
    unique, places = np.unique(keys, return_inverse=True)
    counts = np.zeros(unique.size, np.int64)
    np.add.at(counts, places, table.counts)
    return Table(unique, counts)
