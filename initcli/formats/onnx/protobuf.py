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


def fields(file: BinaryIO, message: Stretch, where: str) -> Iterator[Field]:
    """Yields the fields of a message.

    The file may be moved between two of them.

    Args:
        file: What holds it, buffered.
        message: Where it lies.
        where: The file, as messages name it.

    Raises:
        MalformedError: It is no protobuf message.
    """
    at = message.begin
    while at < message.end:
        file.seek(at)
        tag, at = _varint(file, at, message.end, where)
        number, wire = tag >> 3, tag & 7
        value, size = 0, _FIXED.get(wire, 0)
        begin = at
        if wire == VARINT:
            value, at = _varint(file, at, message.end, where)
        elif wire == BYTES:
            size, begin = _varint(file, at, message.end, where)
        elif not size:
            raise MalformedError("no protobuf message", where=f"{where}, byte {begin:,}")
        stretch = Stretch(begin, size or at - begin if wire == VARINT else size)
        at = max(at, stretch.end)
        if at > message.end or not number:
            raise MalformedError(
                "a field reaches beyond its message", where=f"{where}, byte {at:,}"
            )
        yield Field(number, wire, value, stretch)


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


def _varint(file: BinaryIO, at: int, end: int, where: str) -> tuple[int, int]:
    """Returns the number at a position, and where it ends."""
    number = 0
    for index in range(_LONGEST_VARINT):
        byte = file.read(1)
        if not byte or at + index >= end:
            raise MalformedError("a number ends early", where=f"{where}, byte {at:,}")
        number |= (byte[0] & ~_CONTINUES) << 7 * index
        if not byte[0] & _CONTINUES:
            return number & _LARGEST, at + index + 1
    raise MalformedError("a number without end", where=f"{where}, byte {at:,}")
