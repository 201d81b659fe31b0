"""Reads byte ranges into buffers that the caller owns and reuses."""

from __future__ import annotations

import os

from initcli.core.errors import MissingError, TruncatedError
from initcli.core.text import visible
from initcli.formats.checkpoint import Shard, open_regular


def read_into(shard: Shard, offset: int, buffer: memoryview) -> None:
    """Fills a buffer from a shard, to the last byte or not at all.

    Opening the file for each range keeps workers independent and the number of open
    files at the number of workers, however many shards there are.

    Args:
        shard: The file.
        offset: The first byte, from the start of the file.
        buffer: Writable bytes; its length is the number of bytes read.

    Raises:
        TruncatedError: The file ends early or is no longer the one that was opened.
        MissingError: The file is gone or the system cannot read it.
    """
    where = f"{visible(str(shard.path), 300)}, byte {offset:,}"
    descriptor, size, identity = open_regular(shard.path)
    try:
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if identity != shard.identity or size != shard.size:
                raise TruncatedError("the file changed while it was being read", where=where)
            file.seek(offset)
            _fill(file, buffer, where)
    except OSError as error:
        raise MissingError(f"read failed: {error.strerror}", where=where) from error


def _fill(file: object, buffer: memoryview, where: str) -> None:
    filled = 0
    while filled < len(buffer):
        count = file.readinto(buffer[filled:])  # type: ignore[attr-defined]
        if not count:
            raise TruncatedError("the file ends before its data does", where=where)
        filled += count
