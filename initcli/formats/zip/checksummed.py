"""Stored bytes that are held against their checksum once all of them have been read."""

from __future__ import annotations

import threading

from initcli.core.errors import MalformedError
from initcli.formats.storage.extents import Addressed
from initcli.formats.zip.crc32 import Crc32


class Checksummed:
    """Hands on what is stored, and takes its checksum in whatever pieces it is read.

    Args:
        offset: The address of the first byte.
        head: The checksum of what comes before it and is part of the same.
        size: Bytes from the first.
        crc: The checksum of all, as `zlib.crc32` gives it.
        where: What messages name.
    """

    def __init__(self, offset: int, head: Crc32, size: int, crc: int, where: str) -> None:
        self._offset = offset
        self._crc = crc
        self._where = where
        self._end = head.length + size
        self._whole = head
        self._runs = dict[int, Crc32]()
        self._shift = head.length
        self._lock = threading.Lock()

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Reads a stretch; see `Maker`."""
        held.read(self._offset + at, buffer)
        if self._whole.length < self._end:
            self._add(at + self._shift, Crc32().updated(buffer))

    def _add(self, start: int, run: Crc32) -> None:
        """Takes note of a stretch and joins what has become one; all read twice counts once."""
        with self._lock:
            self._runs.setdefault(start, run)
            whole = self._whole
            while whole.length < self._end and whole.length in self._runs:
                whole += self._runs.pop(whole.length)
            self._whole = whole
        if whole.length == self._end and whole.value != self._crc:
            message = "a member does not have the checksum that the archive tells"
            raise MalformedError(message, where=self._where, hint="fetch the file again")
