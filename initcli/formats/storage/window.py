"""A stretch of addresses as a file, for those who read files only."""

from __future__ import annotations

import io
import os

from initcli.formats.storage.extents import Addressed


class Window(io.RawIOBase):
    """A stretch of what a shard holds.

    Args:
        held: What is read.
        begin: The address of the first byte.
        size: How many there are.
    """

    def __init__(self, held: Addressed, begin: int, size: int) -> None:
        super().__init__()
        self._held = held
        self._begin = begin
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a position."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads on, to the end of the stretch at most."""
        count = max(0, min(len(buffer), self._size - self._position))
        self._held.read(self._begin + self._position, memoryview(buffer)[:count])
        self._position += count
        return count
