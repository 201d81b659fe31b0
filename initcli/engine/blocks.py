"""Reads matrices of a checkpoint again, in part or whole, for what values owe to their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from initcli.core.progress import SILENT, Progress
from initcli.engine.local import borrow, run_in_order
from initcli.engine.plan import Piece, in_file_order
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor
from initcli.formats.storage.reading import Reader, open_shard
from initcli.statistics.decode import Array, values_of
from initcli.theory.identify.block import Block, Extent

Seen = TypeVar("Seen")
_SLOT = 0


def look_at_blocks(
    checkpoint: Checkpoint,
    matrices: Mapping[str, Extent],
    look: Callable[[Block], Seen],
    jobs: int = 1,
    progress: Progress = SILENT,
) -> Iterator[tuple[str, Seen]]:
    """Yields what a look at a part of every matrix shows, in file order.

    Rows are chosen without looking at them and none twice, so that of exchangeable values they
    are exchangeable.

    Args:
        checkpoint: What to read.
        matrices: Which part of tensors of real floats of whole bytes, by name.
        look: Called on any thread.
        jobs: Threads.
        progress: Told of every tensor read.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    chosen = in_file_order(checkpoint.tensors[name] for name in matrices)
    if chosen:
        progress.start(sum(tensor.spec.nbytes for tensor in chosen))

    def read(tensor: StoredTensor) -> tuple[StoredTensor, Seen]:
        return tensor, look(_block(tensor, matrices[tensor.spec.name]))

    # Threads of BLAS within threads of ours would wait for each other: twice the time of one.
    with threadpool_limits(1, "blas"):
        for tensor, seen in run_in_order(read, chosen, jobs):
            yield tensor.spec.name, seen
            progress.advance(tensor.spec.nbytes)


def _block(tensor: StoredTensor, part: Extent) -> Block:
    sides, rows, columns = part.sides, part.rows, part.columns
    with open_shard(tensor.shard) as reader:
        if part.is_whole:
            values = _values(tensor, reader, 0, rows * columns).reshape(rows, columns)
            return Block.of(values, part)
        values = np.empty((rows, columns))
        for number, row in enumerate(part.spaced):
            values[number] = _values(tensor, reader, int(row) * sides.columns, columns)
    return Block.of(values, part)


def _values(tensor: StoredTensor, reader: Reader, first: int, count: int) -> Array:
    piece = Piece(tensor, first, count)
    raw = borrow(_SLOT, piece.nbytes)
    reader.read(piece.offset, raw)
    return values_of(raw, tensor.spec.dtype)
