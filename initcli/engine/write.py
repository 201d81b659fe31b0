"""Writes a planned checkpoint, and summarises every value on its way to storage.

Where every tensor goes is known before any value is. Workers produce parts of tensors and write
each to its place; what they learn of the parts merges in order, whoever wrote them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from itertools import groupby
from operator import add
from pathlib import Path
from typing import Self

from initcli.core.dtypes import BYTE
from initcli.core.errors import WriteError
from initcli.core.progress import SILENT, Progress
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.engine.local import run_in_order, useful_jobs
from initcli.engine.parts import Budget, Part, Produce
from initcli.engine.plan import CHUNK_BYTES
from initcli.formats.writing.file_layout import FileLayout, Place
from initcli.formats.writing.output import FilePlan, OutputPlan
from initcli.formats.writing.placed import open_placed, patch, reserve
from initcli.formats.writing.staging import staged
from initcli.formats.zip.crc32 import Crc32
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.fold import Fold
from initcli.statistics.summary import Summary

Summaries = dict[str, Summary | None]
_NOTHING = Part(0, lambda: iter(()))


def write_checkpoint(
    plan: OutputPlan,
    produce: Produce,
    *,
    overwrite: bool,
    jobs: int = 1,
    progress: Progress = SILENT,
) -> Summaries:
    """Writes every file of a plan.

    Space is taken for all of them before the first value is produced.

    Args:
        plan: What goes where.
        produce: Returns a tensor's parts.
        overwrite: Whether existing files may be replaced.
        jobs: Threads; neither bytes nor summaries depend on them.
        progress: Told of every byte of tensors that is written.

    Returns:
        What was written, by name; None where a dtype is not decoded.

    Raises:
        OutputError, WriteError: Nothing has appeared under the final name.
    """
    specs = plan.specs
    nbytes = sum(spec.nbytes for spec in specs)
    jobs = useful_jobs(jobs, nbytes, len(specs))
    summaries, crcs = Summaries(), dict[str, int]()
    with staged(plan, overwrite=overwrite) as paths:
        files = dict(zip(paths, plan.files, strict=True))
        for path, file in files.items():
            reserve(path, file.layout)
        progress.start(nbytes)
        stop = threading.Event()
        work = partial(_write_part, budget=Budget(), progress=progress, stop=stop)
        for trace in _merged(run_in_order(work, _tasks(files, produce), jobs, stop)):
            summaries[trace.spec.name] = trace.summary
            crcs[trace.spec.name] = trace.crc.value
        for path, file in files.items():
            if file.layout.seal:
                patch(path, file.layout.seal(crcs))
    return summaries


@dataclass(frozen=True, slots=True)
class _Task:
    """A part of a tensor, and where it is written."""

    path: Path
    place: Place
    first: int
    part: Part
    is_sealed: bool

    @property
    def offset(self) -> int:
        return self.place.offset + self.first * self.place.spec.dtype.bits // BYTE

    @property
    def nbytes(self) -> int:
        return (self.part.count * self.place.spec.dtype.bits + BYTE - 1) // BYTE


@dataclass(frozen=True, slots=True)
class _Trace:
    """What was learnt of consecutive values: nothing of a dtype that is not decoded."""

    spec: TensorSpec
    seen: Accumulator | None
    crc: Crc32

    @property
    def summary(self) -> Summary | None:
        return None if self.seen is None else self.seen.summary

    def __add__(self, other: Self) -> Self:
        """Joins what was learnt of the values that follow."""
        seen = None if self.seen is None or other.seen is None else self.seen + other.seen
        return type(self)(self.spec, seen, self.crc + other.crc)


def _tasks(files: Mapping[Path, FilePlan], produce: Produce) -> Iterator[_Task]:
    for path, file in files.items():
        for place in file.layout.places:
            yield from _tensor_tasks(path, file.layout, place, produce)


def _tensor_tasks(
    path: Path, layout: FileLayout, place: Place, produce: Produce
) -> Iterator[_Task]:
    spec, first = place.spec, 0
    for part in produce(spec) if spec.parameters else [_NOTHING]:
        yield _Task(path, place, first, part, layout.seal is not None)
        first += part.count
    if first != spec.parameters:
        message = f"{first:,} values for a tensor of {spec.parameters:,}"
        raise WriteError(message, where=visible(spec.name, 200))


def _merged(traces: Iterable[_Trace]) -> Iterator[_Trace]:
    """Yields one trace a tensor; those of its parts come one behind the other."""
    for _, parts in groupby(traces, key=lambda trace: trace.spec.name):
        yield reduce(add, parts)


def _write_part(
    task: _Task, *, budget: Budget, progress: Progress, stop: threading.Event
) -> _Trace:
    watch, offset = _Watch(task), task.offset
    with budget.lend(task.part.hold), open_placed(task.path) as file:
        for tile in _tiles(task.part.chunks()):
            file.write(offset, tile)
            watch.see(tile)
            offset += len(tile)
            progress.advance(len(tile))
            if stop.is_set():
                raise WriteError("given up", where=visible(task.place.spec.name, 200))
    if offset != task.offset + task.nbytes:
        message = f"{offset - task.offset:,} bytes for a part of {task.nbytes:,}"
        raise WriteError(message, where=visible(task.place.spec.name, 200))
    return watch.trace()


class _Watch:
    """Looks at the bytes of a part on their way."""

    def __init__(self, task: _Task) -> None:
        self._spec = task.place.spec
        self._is_sealed = task.is_sealed
        self._crc = Crc32()
        is_decoded = self._spec.dtype.is_decoded
        self._fold = Fold(self._spec.dtype, task.part.count) if is_decoded else None

    def see(self, tile: memoryview) -> None:
        if self._fold:
            self._fold.add(tile)
        if self._is_sealed:
            self._crc = self._crc.updated(tile)

    def trace(self) -> _Trace:
        return _Trace(self._spec, self._fold.result() if self._fold else None, self._crc)


def _tiles(chunks: Iterable[memoryview]) -> Iterator[memoryview]:
    """Cuts what is produced into what stays in cache while it is folded and written."""
    for chunk in chunks:
        raw = chunk.cast("B")
        for start in range(0, len(raw), CHUNK_BYTES):
            yield raw[start : start + CHUNK_BYTES]
