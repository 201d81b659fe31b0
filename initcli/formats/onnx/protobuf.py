"""The fields of a protobuf message, one after the other, whose contents stay where they are.

A message of any size is walked in little memory: what is long is told as a stretch of the file.
Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from initcli.core.errors import MalformedError
from initcli.formats.storage.stretch import Stretch

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10
_CONTINUES = 0x80
_LARGEST = (1 << 64) - 1
MOST_FIELDS = 2_000_000
"""Of a file, which takes some seconds; models have tens of thousands."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message.

    Attributes:
        number: By which the message's schema knows it.
        wire: How it is stored.
        value: A number; of what is stored as a length and bytes 0.
        stretch: The bytes that hold it.
    """

    number: int
    wire: int
    value: int
    stretch: Stretch


@dataclass(slots=True)
class Messages:
    """A file of messages, of which so many fields are read and no more.

    Attributes:
        file: What holds them, buffered; it may be moved between two fields.
        where: The file, as messages name it.
        left: How many fields may still be read.
    """

    file: BinaryIO
    where: str
    left: int = MOST_FIELDS

    def fields(self, message: Stretch) -> Iterator[Field]:
        """Yields the fields of a message.

        Raises:
            MalformedError: It is no protobuf message, or the file has more fields than are read.
        """
        at = message.begin
        while at < message.end:
            self.left -= 1
            if self.left < 0:
                raise MalformedError(f"more than {MOST_FIELDS:,} fields", where=self.where)
            self.file.seek(at)
            tag, at = self._varint(at, message.end)
            each, at = self._field(tag >> 3, tag & 7, at, message.end)
            yield each

    def bytes_of(self, stretch: Stretch) -> bytes:
        """Returns what a stretch holds."""
        self.file.seek(stretch.begin)
        return self.file.read(stretch.size)

    def _field(self, number: int, wire: int, at: int, end: int) -> tuple[Field, int]:
        """Returns a field whose content begins at a position, and where it ends."""
        value, size, begin = 0, _FIXED.get(wire, 0), at
        if wire == VARINT:
            value, at = self._varint(at, end)
            size = at - begin
        elif wire == BYTES:
            size, begin = self._varint(at, end)
        elif not size:
            raise MalformedError("no protobuf message", where=f"{self.where}, byte {begin:,}")
        stretch = Stretch(begin, size)
        if stretch.end > end or not number:
            raise MalformedError(
                "a field reaches beyond its message", where=f"{self.where}, byte {stretch.end:,}"
            )
        return Field(number, wire, value, stretch), stretch.end

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Returns the number at a position, and where it ends."""
        number = 0
        for index in range(_LONGEST_VARINT):
            byte = self.file.read(1)
            if not byte or at + index >= end:
                raise MalformedError("a number ends early", where=f"{self.where}, byte {at:,}")
            number |= (byte[0] & ~_CONTINUES) << 7 * index
            if not byte[0] & _CONTINUES:
                return number & _LARGEST, at + index + 1
        raise MalformedError("a number without end", where=f"{self.where}, byte {at:,}")


def varints(raw: bytes, where: str) -> Iterator[int]:
    """Yields the numbers of a packed field."""
    number = shift = 0
    for byte in raw:
        number |= (byte & ~_CONTINUES) << shift
        shift += 7
        if not byte & _CONTINUES:
            yield number & _LARGEST
            number = shift = 0
        elif shift >= 7 * _LONGEST_VARINT:
            raise MalformedError("a number without end", where=where)
    if shift:
        raise MalformedError("a number ends early", where=where)
