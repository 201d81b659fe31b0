"""Parts of a tensor's values, which workers produce independently of each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from initcli.core.tensor import TensorSpec
from initcli.engine.plan import Piece, segments
from initcli.engine.stream import read_chunks
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import open_shard

BUDGET_BYTES = 256 << 20
"""What all workers together may hold for parts that are produced whole."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive values of a tensor, which one worker produces.

    Attributes:
        count: How many there are; all but a tensor's last part end on a whole byte.
        chunks: Yields their bytes, whole values each; called on any thread.
        hold: Bytes that are held at once while they are produced; 0 where only chunks are.
    """

    count: int
    chunks: Callable[[], Iterator[memoryview]]
    hold: int = 0


Produce = Callable[[TensorSpec], Iterable[Part]]
"""Returns the parts of a tensor in order: together all of it, each independent of the others."""


def copied_parts(tensor: StoredTensor) -> Iterator[Part]:
    """Yields a stored tensor's bytes as they are, in segments with a reader each.

    Reading one raises TruncatedError or MissingError if the file is not what it was.
    """
    for piece in segments(tensor):
        yield Part(piece.count, partial(_copied, piece))


def _copied(piece: Piece) -> Iterator[memoryview]:
    with open_shard(piece.tensor.shard) as reader:
        yield from read_chunks(reader, piece)


class Budget:
    """Bytes that workers may hold at once; one of them always may, however much it needs.

    Whoever holds some waits for nobody, so that all get their turn.

    Args:
        limit: How many.
    """

    def __init__(self, limit: int = BUDGET_BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._is_freed = threading.Condition()

    @contextmanager
    def lend(self, count: int) -> Iterator[None]:
        """Waits until so many bytes may be held, and counts them while the block runs."""
        if not count:
            yield
            return
        with self._is_freed:
            self._is_freed.wait_for(lambda: not self._held or self._held + count <= self._limit)
            self._held += count
        try:
            yield
        finally:
            with self._is_freed:
                self._held -= count
                self._is_freed.notify_all()
