"""Streams the values of two checkpoints side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self, TypeVar

from initcli.core.dtypes import BYTE
from initcli.core.progress import SILENT, Progress
from initcli.engine import plan
from initcli.engine.local import borrow, run_in_order, useful_jobs
from initcli.engine.plan import Piece, cuts, place_of
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import Reader, open_shard
from initcli.statistics.pair import PairSummary, Tolerance
from initcli.statistics.pair_fold import PairFold
from initcli.statistics.pair_ratio import Ratio, RatioFold
from initcli.statistics.pair_ulps import UlpFold, Ulps

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


class Merging(Protocol):
    """What is kept of pairs of values, and merges."""

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""


Kept = TypeVar("Kept", bound=Merging)
Kept_co = TypeVar("Kept_co", bound=Merging, covariant=True)


class FoldOfPairs(Protocol[Kept_co]):
    """What folds chunks of two tensors into what is kept of them."""

    def add(self, raw_a: memoryview, raw_b: memoryview) -> None:
        """Adds as many whole values of both."""

    def result(self) -> Kept_co:
        """Returns what is kept."""


def pair_summaries(
    pairs: Collection[Pair], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[str, PairSummary]]:
    """Yields how far apart the tensors of each pair are; see `folded_pairs`."""

    def opened(pair: Pair, count: int) -> PairFold:
        return PairFold(pair.a.spec.dtype, pair.b.spec.dtype, pair.tolerance, count)

    return folded_pairs(pairs, opened, jobs, progress)


def pair_ratios(
    pairs: Collection[Pair], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[str, Ratio]]:
    """Yields which multiples of A each pair's B may be; see `folded_pairs`."""

    def opened(pair: Pair, _: int) -> RatioFold:
        return RatioFold(pair.a.spec.dtype, pair.b.spec.dtype)

    return folded_pairs(pairs, opened, jobs, progress)


def pair_ulps(
    pairs: Collection[Pair], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[str, Ulps]]:
    """Yields how many representable values lie between those of each pair; see `folded_pairs`.

    Args:
        pairs: Both tensors of each of one float dtype.
        jobs: Threads.
        progress: Told of every byte read.
    """

    def opened(pair: Pair, _: int) -> UlpFold:
        return UlpFold(pair.a.spec.dtype)

    return folded_pairs(pairs, opened, jobs, progress)


def folded_pairs(
    pairs: Collection[Pair],
    opened: Callable[[Pair, int], FoldOfPairs[Kept]],
    jobs: int,
    progress: Progress,
) -> Iterator[tuple[str, Kept]]:
    """Folds pairs of tensors in one pass over the bytes of both.

    Args:
        pairs: What to read.
        opened: Returns a fold for so many values of a pair.
        jobs: Threads.
        progress: Told of every byte read.

    Yields:
        Each pair's name and what is kept of it, in A's file order, as soon as it is known.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    so_far: Kept | None = None
    jobs = useful_jobs(jobs, sum(pair.a.spec.nbytes for pair in pairs), len(pairs))
    for done in run_in_order(partial(_fold, opened), _tasks(pairs), jobs):
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


def _fold(
    opened: Callable[[Pair, int], FoldOfPairs[Kept]], task: list[_Stretch]
) -> list[tuple[_Stretch, Kept]]:
    with ExitStack() as stack:
        a, b = (stack.enter_context(open_shard(piece.tensor.shard)) for piece in task[0].pieces)
        return [
            (stretch, _fold_stretch(opened(stretch.pair, stretch.count), stretch, a, b))
            for stretch in task
        ]


def _fold_stretch(fold: FoldOfPairs[Kept], stretch: _Stretch, a: Reader, b: Reader) -> Kept:
    pair = stretch.pair
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
