"""Counts the values of two tensors each, and compares them as distributions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from initcli.core.progress import SILENT, Progress
from initcli.engine.local import run_in_order
from initcli.engine.plan import Piece, place_of
from initcli.engine.stream import read_chunks
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import open_shard
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.fold import Fold
from initcli.statistics.pair_shift import Shift, shift_of


@dataclass(frozen=True, slots=True)
class Sides:
    """Two tensors of decoded dtypes, of whatever shapes."""

    name: str
    a: StoredTensor
    b: StoredTensor


def shifts(
    pairs: Collection[Sides], jobs: int, progress: Progress = SILENT
) -> Iterator[tuple[str, Shift | None]]:
    """Reads pairs of tensors, of which each thread holds two tables at a time.

    Yields:
        Each pair's name and how far apart they are, in A's file order; None where there is no
        order, or no value.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    ordered = sorted(pairs, key=lambda pair: place_of(pair.a))
    for pair, shift in zip(ordered, run_in_order(_shift, ordered, jobs), strict=True):
        progress.advance(pair.a.spec.nbytes + pair.b.spec.nbytes)
        yield pair.name, shift


def _shift(pair: Sides) -> Shift | None:
    return shift_of(_counted(pair.a), _counted(pair.b))


def _counted(tensor: StoredTensor) -> Accumulator:
    fold = Fold(tensor.spec.dtype, tensor.spec.parameters)
    with open_shard(tensor.shard) as reader:
        for raw in read_chunks(reader, Piece(tensor, 0, tensor.spec.parameters)):
            fold.add(raw)
    return fold.result()
