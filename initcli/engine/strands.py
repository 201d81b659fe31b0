"""Follows tensors along many checkpoints, and reads each value once.

Of a stretch of values three are held at a time: the first checkpoint's, the one before and the one
at hand. One file is open a thread, however many checkpoints there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from initcli.core.dtypes import BYTE
from initcli.core.progress import SILENT, Progress
from initcli.engine.local import borrow, run_in_order, useful_jobs
from initcli.engine.plan import Piece, cuts, place_of
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import open_shard
from initcli.statistics.pair import PairSummary, Tolerance
from initcli.statistics.pair_fold import compare_values

STRETCH_BYTES = 4 << 20
_MOST_STRANDS = 512


@dataclass(frozen=True, slots=True)
class Strand:
    """One tensor in several checkpoints, all of one shape.

    Attributes:
        name: What the tensor is called.
        tensors: Where it lies in each, two at least.
        tolerances: How far each may be from the first; the first's own counts for nothing.
    """

    name: str
    tensors: tuple[StoredTensor, ...]
    tolerances: tuple[Tolerance, ...]

    @property
    def values(self) -> int:
        """The number of values in each."""
        return self.tensors[0].spec.parameters

    @property
    def value_bits(self) -> int:
        """What a value takes in the widest of the dtypes."""
        return max(tensor.spec.dtype.bits for tensor in self.tensors)

    @property
    def nbytes(self) -> int:
        """The bytes of all."""
        return sum(tensor.spec.nbytes for tensor in self.tensors)


@dataclass(frozen=True, slots=True)
class Course:
    """How far a tensor came.

    Attributes:
        from_first: Each but the first, held against the first.
        steps: Each but the first, held against the one before.
    """

    from_first: tuple[PairSummary, ...]
    steps: tuple[PairSummary, ...]

    def __add__(self, other: Course) -> Course:
        """Joins what was learnt of the values that follow."""
        return Course(
            tuple(a + b for a, b in zip(self.from_first, other.from_first, strict=True)),
            tuple(a + b for a, b in zip(self.steps, other.steps, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The same values of all tensors of a strand, by number."""

    strand: Strand
    first: int
    count: int

    @property
    def nbytes(self) -> int:
        """What they take at most in one checkpoint."""
        return -(-self.count * self.strand.value_bits // BYTE)

    @property
    def is_last(self) -> bool:
        return self.first + self.count == self.strand.values

    def piece(self, moment: int) -> Piece:
        return Piece(self.strand.tensors[moment], self.first, self.count)


def courses(
    strands: Collection[Strand], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[str, Course]]:
    """Follows tensors along checkpoints in one pass over the bytes of all.

    Yields:
        Each strand's name and course, in the file order of its first checkpoint.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    so_far: Course | None = None
    jobs = useful_jobs(jobs, sum(strand.nbytes for strand in strands), len(strands))
    for done in run_in_order(_follow, _tasks(strands), jobs):
        for stretch, course in done:
            so_far = course if so_far is None else so_far + course
            moments = range(len(stretch.strand.tensors))
            progress.advance(sum(stretch.piece(moment).nbytes for moment in moments))
            if stretch.is_last:
                yield stretch.strand.name, so_far
                so_far = None


def _tasks(strands: Collection[Strand]) -> Iterator[list[_Stretch]]:
    """Yields stretches between which no file changes: part of one strand, or several whole."""
    group: list[_Stretch] = []
    for strand in sorted(strands, key=lambda strand: place_of(strand.tensors[0])):
        bits = strand.value_bits
        for first, count in cuts(0, strand.values, STRETCH_BYTES, bits):
            stretch = _Stretch(strand, first, count)
            if group and not _fits(group, stretch):
                yield group
                group = []
            group.append(stretch)
    if group:
        yield group


def _fits(group: list[_Stretch], stretch: _Stretch) -> bool:
    one, other = group[0].strand.tensors, stretch.strand.tensors
    return (
        len(group) < _MOST_STRANDS
        and len(one) == len(other)
        and all(a.shard is b.shard for a, b in zip(one, other, strict=True))
        and sum(each.nbytes for each in group) + stretch.nbytes <= STRETCH_BYTES
    )


def _follow(task: list[_Stretch]) -> list[tuple[_Stretch, Course]]:
    first = previous = _read(task, 0, 0)
    summaries: list[list[tuple[PairSummary, PairSummary]]] = [[] for _ in task]
    for moment in range(1, len(task[0].strand.tensors)):
        current = _read(task, moment, 1 + moment % 2)
        for number, stretch in enumerate(task):
            origin = _compared(stretch, (0, moment), (first[number], current[number]))
            step = origin
            if moment > 1:
                pair = previous[number], current[number]
                step = _compared(stretch, (moment - 1, moment), pair)
            summaries[number].append((origin, step))
        previous = current
    return [
        (stretch, Course(*(tuple(each) for each in zip(*found, strict=True))))
        for stretch, found in zip(task, summaries, strict=True)
    ]


def _read(task: list[_Stretch], moment: int, slot: int) -> list[memoryview]:
    """Returns the bytes of every stretch in one checkpoint, in one of this thread's buffers."""
    pieces = [stretch.piece(moment) for stretch in task]
    buffer, raws, start = borrow(slot, sum(piece.nbytes for piece in pieces)), [], 0
    with open_shard(pieces[0].tensor.shard) as reader:
        for piece in pieces:
            raws.append(buffer[start : start + piece.nbytes])
            reader.read(piece.offset, raws[-1])
            start += piece.nbytes
    return raws


def _compared(
    stretch: _Stretch, moments: tuple[int, int], raws: tuple[memoryview, memoryview]
) -> PairSummary:
    a, b = (stretch.strand.tensors[moment].spec.dtype for moment in moments)
    return compare_values(raws[0], a, raws[1], b, stretch.strand.tolerances[moments[1]])
