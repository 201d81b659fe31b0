"""Reads byte ranges into buffers that the caller owns and reuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from initcli.core.errors import MissingError, TruncatedError
from initcli.core.text import visible
from initcli.formats.storage.checkpoint import Shard, open_regular, told_of
from initcli.formats.storage.extents import Kept, extent_at


@dataclass(frozen=True, slots=True)
class Reader:
    """An open shard, to be read by one thread.

    Attributes:
        shard: Which.
        descriptor: The open file.
        kept: What was made last; it goes with the reader.
    """

    shard: Shard
    descriptor: int
    kept: Kept = field(default_factory=dict)

    def read(self, offset: int, buffer: memoryview) -> None:
        """Fills a buffer, to the last byte or not at all.

        Args:
            offset: The first byte, from the start of the file; what lies behind its end is made.
            buffer: Writable bytes; its length is the number of bytes read.

        Raises:
            TruncatedError: The file ends early.
            MissingError: The system cannot read it.
            InitcliError: What is to be made of the file's bytes cannot be.
        """
        stored = max(0, min(len(buffer), self.shard.size - offset))
        self._read_stored(offset, buffer[:stored])
        self._make(offset + stored, buffer[stored:])

    def _read_stored(self, offset: int, buffer: memoryview) -> None:
        filled = 0
        while filled < len(buffer):
            try:
                count = _read_at(self.descriptor, buffer[filled:], offset + filled)
            except OSError as error:
                where = _place(self.shard, offset + filled)
                raise MissingError(f"read failed: {error.strerror}", where=where) from error
            if not count:
                raise _ends_early(self.shard, offset + filled)
            filled += count

    def _make(self, address: int, buffer: memoryview) -> None:
        made = 0
        while made < len(buffer):
            extent = extent_at(self.shard.extents, address + made)
            if extent is None:
                raise _ends_early(self.shard, address + made)
            part = buffer[made : made + extent.end - address - made]
            extent.maker.read(self, address + made - extent.start, part)
            made += len(part)


@contextmanager
def open_shard(shard: Shard) -> Iterator[Reader]:
    """Opens a shard for reading.

    A file is opened for each piece of work, which keeps workers independent and the number of
    open files at the number of workers, however many shards there are.

    Raises:
        TruncatedError: The file is no longer the one whose header was read, or no longer is when
            the work is done: what was read may be of the old one and of the new.
        MissingError: The file is gone or cannot be opened.
    """
    descriptor, size, identity = open_regular(shard.path)
    try:
        _refuse_change(shard, size, identity)
        yield Reader(shard, descriptor)
        _refuse_change(shard, *told_of(descriptor))
    finally:
        os.close(descriptor)


def _refuse_change(shard: Shard, size: int, identity: tuple[int, int, int]) -> None:
    if identity != shard.identity or size != shard.size:
        where = visible(str(shard.path), 300)
        raise TruncatedError("the file changed while it was being read", where=where)


def _ends_early(shard: Shard, offset: int) -> TruncatedError:
    where = _place(shard, offset)
    return TruncatedError("the file ends before its data does", where=where)


def _place(shard: Shard, offset: int) -> str:
    return f"{visible(str(shard.path), 300)}, byte {offset:,}"


if hasattr(os, "preadv"):

    def _read_at(descriptor: int, buffer: memoryview, offset: int) -> int:
        return os.preadv(descriptor, [buffer], offset)

else:  # Windows

    def _read_at(descriptor: int, buffer: memoryview, offset: int) -> int:
        os.lseek(descriptor, offset, os.SEEK_SET)
        raw = os.read(descriptor, len(buffer))
        buffer[: len(raw)] = raw
        return len(raw)
