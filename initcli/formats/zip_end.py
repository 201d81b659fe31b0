"""Where a zip archive's directory lies, which the archive's end tells.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.14 to 4.3.16)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from initcli.core.errors import MalformedError, TruncatedError

# Names of all members and 46 bytes each: half a million members with names of a usual length.
_LONGEST_DIRECTORY = 64 << 20
_MOST_MEMBERS = 500_000
_SHORTEST_ENTRY = 46
_LONGEST_COMMENT = (1 << 16) - 1
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the directory lies, and of how many members it tells."""

    begin: int
    size: int
    count: int


def read_exactly(file: BinaryIO, offset: int, count: int, where: str) -> bytes:
    """Returns bytes of an archive, as many as are asked for.

    Raises:
        TruncatedError: It has fewer.
    """
    file.seek(offset)
    raw = file.read(count)
    if len(raw) < count:
        raise TruncatedError("the archive ends early", where=f"{where}, byte {offset:,}")
    return raw


def directory_bounds(file: BinaryIO, size: int, where: str) -> Bounds:
    """Finds an archive's directory.

    Args:
        file: The archive, opened for reading.
        size: Its bytes.
        where: The file, as messages name it.

    Raises:
        TruncatedError: The archive has no end.
        MalformedError: Its end contradicts itself, or tells of more members than are read.
    """
    tail_at = max(0, size - _LONGEST_COMMENT - _END.size)
    tail = read_exactly(file, tail_at, size - tail_at, where)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        hint = "fetch or copy the file again"
        raise TruncatedError("a zip archive without its directory", where=where, hint=hint)
    _, disk, first_disk, here, count, length, begin, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise MalformedError("bytes after the end of the archive", where=where)
    end = tail_at + at
    bounds = Bounds(begin, length, count)
    located = _located(file, end, where)
    if located is not None:
        end, bounds = located
    elif disk or first_disk or here != count:
        raise MalformedError("an archive in several parts", where=where)
    _judge(bounds, end, where)
    return bounds


def _located(file: BinaryIO, end: int, where: str) -> tuple[int, Bounds] | None:
    """Returns where the 64-bit end of the archive lies, and what it says; None without one."""
    if end < _LOCATOR.size:
        return None
    raw = read_exactly(file, end - _LOCATOR.size, _LOCATOR.size, where)
    signature, disk, offset, disks = _LOCATOR.unpack(raw)
    if signature != b"PK\6\7":
        return None
    if disk or disks > 1:
        raise MalformedError("an archive in several parts", where=where)
    if offset + _END_64.size > end - _LOCATOR.size:
        raise MalformedError("the archive's 64-bit end lies beyond its end", where=where)
    told = _END_64.unpack(read_exactly(file, offset, _END_64.size, where))
    signature, record, _, _, disk, first_disk, here, count, length, begin = told
    if signature != b"PK\6\6" or offset + 12 + record != end - _LOCATOR.size:
        raise MalformedError("the archive's 64-bit end is malformed", where=where)
    if disk or first_disk or here != count:
        raise MalformedError("an archive in several parts", where=where)
    return offset, Bounds(begin, length, count)


def _judge(bounds: Bounds, end: int, where: str) -> None:
    if bounds.begin + bounds.size != end:
        raise MalformedError("the archive's directory is not where its end says", where=where)
    if bounds.count * _SHORTEST_ENTRY > bounds.size:
        message = f"a directory of {bounds.count:,} members in {bounds.size:,} bytes"
        raise MalformedError(message, where=where)
    if bounds.size > _LONGEST_DIRECTORY or bounds.count > _MOST_MEMBERS:
        message = f"an archive of {bounds.count:,} members, told in {bounds.size:,} bytes"
        raise MalformedError(message, where=where, hint=f"at most {_MOST_MEMBERS:,} are read")
