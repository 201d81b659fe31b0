"""Cuts the work on a checkpoint into tasks, in file order across its tensors.

One large tensor becomes many tasks, many small ones become one. The cuts depend on the file only,
never on who works: results merge in the same order whatever the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from initcli.core.dtypes import BYTE
from initcli.formats.storage.checkpoint import Shard, StoredTensor

# What is read at once: of all sizes tried the one that is fastest, for it stays in cache.
CHUNK_BYTES = 1 << 20
# What one task takes of a large tensor: enough to make up for merging its table.
SEGMENT_BYTES = 16 << 20
_MOST_TENSORS = 512


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive values of a tensor, by number."""

    tensor: StoredTensor
    first: int
    count: int

    @property
    def offset(self) -> int:
        """Where they begin, from the start of the file."""
        return self.tensor.offset + self.first * self.tensor.spec.dtype.bits // BYTE

    @property
    def nbytes(self) -> int:
        """The bytes they take."""
        return self.count * self.tensor.spec.dtype.bits // BYTE

    @property
    def is_last(self) -> bool:
        """Whether they end the tensor."""
        return self.first + self.count == self.tensor.spec.parameters


@dataclass(frozen=True, slots=True)
class Task:
    """Pieces that lie one behind the other in one file: part of one tensor, or several whole."""

    pieces: tuple[Piece, ...]

    @property
    def shard(self) -> Shard:
        """The file."""
        return self.pieces[0].tensor.shard

    @property
    def nbytes(self) -> int:
        """The bytes to be read."""
        return sum(piece.nbytes for piece in self.pieces)


def in_file_order(tensors: Iterable[StoredTensor]) -> list[StoredTensor]:
    """Returns tensors as they lie on storage."""
    return sorted(tensors, key=place_of)


def place_of(tensor: StoredTensor) -> tuple[str, int]:
    """Returns what orders tensors as they lie on storage."""
    return str(tensor.shard.path), tensor.offset


def tasks_of(tensors: Iterable[StoredTensor]) -> Iterator[Task]:
    """Yields tasks that cover every value of the tensors once, in file order."""
    group: list[Piece] = []
    for tensor in in_file_order(tensors):
        whole = Piece(tensor, 0, tensor.spec.parameters)
        if group and not _continues(group, whole):
            yield Task(tuple(group))
            group = []
        if whole.nbytes > CHUNK_BYTES:
            yield from (Task((piece,)) for piece in segments(tensor))
        else:
            group.append(whole)
    if group:
        yield Task(tuple(group))


def _continues(group: list[Piece], piece: Piece) -> bool:
    """Whether a piece can be read together with those before it."""
    first, last = group[0], group[-1]
    return (
        len(group) < _MOST_TENSORS
        and piece.tensor.shard is last.tensor.shard
        and piece.offset == last.offset + last.nbytes
        and piece.offset + piece.nbytes - first.offset <= CHUNK_BYTES
    )


def segments(tensor: StoredTensor) -> Iterator[Piece]:
    """Yields pieces of at most `SEGMENT_BYTES` that cover a tensor, one for a tensor of none."""
    return (
        Piece(tensor, first, count)
        for first, count in cuts(0, tensor.spec.parameters, SEGMENT_BYTES, tensor.spec.dtype.bits)
    )


def chunks(piece: Piece) -> Iterator[Piece]:
    """Yields pieces of at most `CHUNK_BYTES`, which are read at once."""
    bits = piece.tensor.spec.dtype.bits
    for first, count in cuts(piece.first, piece.count, CHUNK_BYTES, bits):
        yield Piece(piece.tensor, first, count)


def cuts(first: int, count: int, nbytes: int, bits: int) -> Iterator[tuple[int, int]]:
    """Yields first and count of stretches of values that take at most so many bytes.

    Args:
        first: The first value.
        count: How many there are; of none, one empty stretch is yielded.
        nbytes: A multiple of eight.
        bits: What a value takes.
    """
    together = BYTE // math.gcd(BYTE, bits)  # values that end on a whole byte
    most = nbytes * BYTE // bits // together * together
    for start in range(first, first + count, most) or (first,):
        yield start, min(most, first + count - start)
