"""Streams the values of a checkpoint through folds, chunk by chunk in file order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Self

from initcli.core.progress import SILENT, Progress
from initcli.engine.local import borrow, run_in_order, useful_jobs
from initcli.engine.plan import Piece, Task, chunks, tasks_of
from initcli.engine.wanted import PLAIN, Wanted
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.reading import Reader, open_shard
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.decode import values_of
from initcli.statistics.digest import joined_digest, segment_digest
from initcli.statistics.distribution import distribution_of
from initcli.statistics.fold import Fold
from initcli.statistics.lines import LineFold, Lines, cannot_line
from initcli.statistics.portrait import Portrait


def portraits(
    checkpoint: Checkpoint,
    names: Collection[str],
    jobs: int,
    wanted: Wanted = PLAIN,
    progress: Progress = SILENT,
) -> Iterator[tuple[str, Portrait | None]]:
    """Reads the chosen tensors of a checkpoint in one pass over their bytes.

    Args:
        checkpoint: What to read.
        names: The tensors chosen.
        jobs: Threads.
        wanted: What to learn beyond summaries.
        progress: Told of every byte read.

    Yields:
        Each tensor's name and portrait in file order, as soon as its last byte is read; None for
        the portrait where its dtype is not decoded.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    chosen = [checkpoint.tensors[name] for name in names]
    readable = [tensor for tensor in chosen if tensor.spec.dtype.is_decoded]
    yield from ((each.spec.name, None) for each in chosen if not each.spec.dtype.is_decoded)
    so_far: _Part | None = None
    jobs = useful_jobs(jobs, sum(each.spec.nbytes for each in readable), len(readable))
    for done in run_in_order(partial(_measure, wanted), tasks_of(readable), jobs):
        for piece, part in done:
            so_far = part if so_far is None else so_far + part
            progress.advance(piece.nbytes)
            if piece.is_last:
                yield piece.tensor.spec.name, _portrait(so_far, wanted)
                so_far = None


@dataclass(frozen=True, slots=True)
class _Part:
    """What was learnt of consecutive pieces of a tensor."""

    seen: Accumulator
    rows: Lines | None = None
    columns: Lines | None = None
    digests: tuple[bytes, ...] = ()

    def __add__(self, other: Self) -> Self:
        """Joins what was learnt of the pieces that follow."""
        return type(self)(
            self.seen + other.seen,
            _joined(self.rows, other.rows),
            _joined(self.columns, other.columns),
            self.digests + other.digests,
        )


def _joined(one: Lines | None, other: Lines | None) -> Lines | None:
    return None if one is None or other is None else one + other


def _measure(wanted: Wanted, task: Task) -> list[tuple[Piece, _Part]]:
    with open_shard(task.shard) as reader:
        if len(task.pieces) == 1:
            (piece,) = task.pieces
            return [(piece, _measure_piece(piece, read_chunks(reader, piece), wanted))]
        start = task.pieces[0].offset
        buffer = borrow(0, task.nbytes)
        reader.read(start, buffer)
        return [
            (piece, _measure_piece(piece, iter([_slice(buffer, piece, start)]), wanted))
            for piece in task.pieces
        ]


def _slice(buffer: memoryview, piece: Piece, start: int) -> memoryview:
    return buffer[piece.offset - start : piece.offset - start + piece.nbytes]


def read_chunks(reader: Reader, piece: Piece) -> Iterator[memoryview]:
    """Yields a piece's bytes chunk by chunk, each in this thread's buffer.

    Raises:
        TruncatedError, MissingError: The file is not what it was when it was opened.
    """
    for chunk in chunks(piece):
        buffer = borrow(0, chunk.nbytes)
        reader.read(chunk.offset, buffer)
        yield buffer


def _measure_piece(piece: Piece, raws: Iterator[memoryview], wanted: Wanted) -> _Part:
    spec = piece.tensor.spec
    fold = Fold(spec.dtype, piece.count)
    is_lined = wanted.lines and not cannot_line(spec)
    lines = LineFold(spec.shape, piece.first, piece.count) if is_lined else None
    digest = segment_digest() if wanted.digest else None
    for raw in raws:
        fold.add(raw)
        if lines:
            lines.add(values_of(raw, spec.dtype))
        if digest:
            digest.update(raw)
    return _Part(
        fold.result(),
        lines.rows if lines else None,
        lines.columns if lines else None,
        (digest.digest(),) if digest else (),
    )


def _portrait(part: _Part, wanted: Wanted) -> Portrait:
    summary = part.seen.summary
    is_drawn = bool(wanted.probabilities)
    return Portrait(
        summary,
        distribution_of(part.seen, summary, wanted.probabilities) if is_drawn else None,
        part.rows,
        part.columns,
        joined_digest(part.digests) if part.digests else None,
        part.seen.table if wanted.table else None,
    )
