"""Streams the values of two checkpoints side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from initcli.core.dtypes import BYTE
from initcli.core.progress import SILENT, Progress
from initcli.engine import plan
from initcli.engine.local import borrow, run_in_order, useful_jobs
from initcli.engine.plan import Piece, cuts, place_of
from initcli.formats.checkpoint import StoredTensor
from initcli.formats.reading import Reader, open_shard
from initcli.statistics.pair import PairSummary, Tolerance
from initcli.statistics.pair_fold import PairFold

_MOST_PAIRS = 512


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tensors of equal shape, and how far apart their values may be."""

    name: str
    a: StoredTensor
    b: StoredTensor
    tolerance: Tolerance

    @property
    def values(self) -> int:
        """The number of values in either."""
        return self.a.spec.parameters

    @property
    def value_bits(self) -> int:
        """What a value takes in the wider of the two dtypes."""
        return max(self.a.spec.dtype.bits, self.b.spec.dtype.bits)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The same values of both tensors, by number."""

    pair: Pair
    first: int
    count: int

    @property
    def nbytes(self) -> int:
        return self.count * self.pair.value_bits // BYTE

    @property
    def pieces(self) -> tuple[Piece, Piece]:
        return Piece(self.pair.a, self.first, self.count), Piece(
            self.pair.b, self.first, self.count
        )


def pair_summaries(
    pairs: Collection[Pair], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[str, PairSummary]]:
    """Compares pairs of tensors in one pass over the bytes of both.

    Yields:
        Each pair's name and summary, in A's file order, as soon as it is known.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    so_far: PairSummary | None = None
    jobs = useful_jobs(jobs, sum(pair.a.spec.nbytes for pair in pairs), len(pairs))
    for done in run_in_order(_compare, _tasks(pairs), jobs):
        for stretch, part in done:
            so_far = part if so_far is None else so_far + part
            progress.advance(sum(piece.nbytes for piece in stretch.pieces))
            if stretch.first + stretch.count == stretch.pair.values:
                yield stretch.pair.name, so_far
                so_far = None


def _tasks(pairs: Collection[Pair]) -> Iterator[list[_Stretch]]:
    """Yields stretches between which no file changes: part of one pair, or several whole."""
    group: list[_Stretch] = []
    size = 0
    for pair in sorted(pairs, key=lambda pair: place_of(pair.a)):
        for stretch in _stretches(pair):
            if group and not _fits(group, size, stretch):
                yield group
                group, size = [], 0
            group.append(stretch)
            size += stretch.nbytes
    if group:
        yield group


def _fits(group: list[_Stretch], size: int, stretch: _Stretch) -> bool:
    first = group[0].pair
    return (
        len(group) < _MOST_PAIRS
        and first.a.shard is stretch.pair.a.shard
        and first.b.shard is stretch.pair.b.shard
        and size + stretch.nbytes <= plan.SEGMENT_BYTES
    )


def _stretches(pair: Pair) -> Iterator[_Stretch]:
    for first, count in cuts(0, pair.values, plan.SEGMENT_BYTES, pair.value_bits):
        yield _Stretch(pair, first, count)


def _compare(task: list[_Stretch]) -> list[tuple[_Stretch, PairSummary]]:
    with ExitStack() as stack:
        a, b = (stack.enter_context(open_shard(piece.tensor.shard)) for piece in task[0].pieces)
        return [(stretch, _compare_stretch(stretch, a, b)) for stretch in task]


def _compare_stretch(stretch: _Stretch, a: Reader, b: Reader) -> PairSummary:
    pair = stretch.pair
    fold = PairFold(pair.a.spec.dtype, pair.b.spec.dtype, pair.tolerance, stretch.count)
    for first, count in cuts(stretch.first, stretch.count, plan.CHUNK_BYTES, pair.value_bits):
        raws = (
            _read(reader, Piece(tensor, first, count), slot)
            for slot, (reader, tensor) in enumerate(((a, pair.a), (b, pair.b)))
        )
        fold.add(*raws)
    return fold.result()


def _read(reader: Reader, piece: Piece, slot: int) -> memoryview:
    buffer = borrow(slot, piece.nbytes)
    reader.read(piece.offset, buffer)
    return buffer
