"""Stored bytes that are held against their checksum once all of them have been read."""

from __future__ import annotations

import threading

from initcli.core.errors import MalformedError
from initcli.formats.storage.extents import Addressed
from initcli.formats.zip.crc32 import Crc32
from initcli.formats.zip.runs import Runs

_AT_ONCE = 1 << 20


class Checksummed:
    """Hands on what is stored, and takes its checksum in whatever pieces it is read.

    Where the pieces overlap or lie in too many places, as those of columns do, all is read once
    more, from the first byte to the last, as soon as that is no more than what was asked for.

    Args:
        offset: The address of the first byte.
        head: The checksum of what comes before it and is part of the same.
        size: Bytes from the first.
        crc: The checksum of all, as `zlib.crc32` gives it.
        where: What messages name.
        is_partial: Whether not all will be asked for, so that all is read at the first.
    """

    def __init__(  # noqa: PLR0913 - what a checksum is of
        self,
        offset: int,
        head: Crc32,
        size: int,
        crc: int,
        where: str,
        *,
        is_partial: bool = False,
    ) -> None:
        self._offset = offset
        self._crc = crc
        self._where = where
        self._size = size
        self._head = head
        self._runs: Runs | None = None if is_partial else Runs(head)
        self._asked = size if is_partial else 0
        self._value: int | None = None
        self._lock = threading.Lock()

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Reads a stretch; see `Maker`."""
        held.read(self._offset + at, buffer)
        if self._value is None:
            run = Crc32().updated(buffer) if self._runs else None
            with self._lock:
                self._note(at + self._head.length, run, len(buffer))
                self._settle(held)
        if self._value not in {None, self._crc}:
            message = "a member does not have the checksum that the archive tells"
            raise MalformedError(message, where=self._where, hint="fetch the file again")

    def _note(self, start: int, run: Crc32 | None, count: int) -> None:
        self._asked += count
        if self._runs and not (run and self._runs.add(start, run)):
            self._runs = None

    def _settle(self, held: Addressed) -> None:
        """Finds the checksum out if enough has been read."""
        if self._value is not None or self._asked < self._size:
            return
        known = self._runs.first if self._runs else self._read_on(held)
        if known.length == self._head.length + self._size:
            self._value = known.value

    def _read_on(self, held: Addressed) -> Crc32:
        known, buffer = self._head, memoryview(bytearray(min(_AT_ONCE, self._size)))
        for at in range(0, self._size, _AT_ONCE):
            part = buffer[: self._size - at]
            held.read(self._offset + at, part)
            known = known.updated(part)
        return known
