"""Lays out a zip archive whose members are stored uncompressed, each at an aligned offset.

Every member and the end of the archive are told in 64 bits, whatever their size: the format has
one form for all. Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3, 4.5.3)
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from initcli.formats.writing.file_layout import Patch

_ALIGNMENT = 64
_VERSION = 45  # the first to know 64-bit sizes
_NEW_YEAR_1980 = 33  # the earliest date there is: bytes depend on content only
_TOLD_ELSEWHERE = (1 << 32) - 1
_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_EXTRA = struct.Struct("<2H2Q")
_PADDING = struct.Struct("<2s H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_ENTRY_EXTRA = struct.Struct("<2H3Q")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_CRC_IN_LOCAL = 14
_CRC_IN_ENTRY = 16


@dataclass(frozen=True, slots=True)
class Member:
    """A file to be archived: its name, and its content or, where that is to come, its size."""

    name: str
    content: bytes | int

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.content if isinstance(self.content, int) else len(self.content)

    @property
    def crc(self) -> int:
        """Its checksum; zero as long as its content is to come."""
        return 0 if isinstance(self.content, int) else zlib.crc32(self.content)


@dataclass(frozen=True, slots=True)
class Archived:
    """A member within its archive.

    Attributes:
        member: What it is.
        header: Where its header begins.
        offset: Where its content begins.
        entry: Where its entry in the directory begins.
    """

    member: Member
    header: int
    offset: int
    entry: int

    def with_crc(self, crc: int) -> Iterator[Patch]:
        """Yields what tells the checksum of content that has come."""
        content = crc.to_bytes(4, "little")
        yield Patch(self.header + _CRC_IN_LOCAL, content)
        yield Patch(self.entry + _CRC_IN_ENTRY, content)


@dataclass(frozen=True, slots=True)
class Archive:
    """Members in order, and where the directory behind them begins and ends."""

    members: tuple[Archived, ...]
    directory: int
    end: int

    @property
    def size(self) -> int:
        """The file's bytes."""
        return self.end + _END_64.size + _LOCATOR.size + _END.size

    def frame(self) -> Iterator[Patch]:
        """Yields all but the content that is to come."""
        for each in self.members:
            yield Patch(each.header, _local_header(each))
            if isinstance(each.member.content, bytes):
                yield Patch(each.offset, each.member.content)
        yield Patch(self.directory, b"".join(map(_entry, self.members)) + _end(self))


def archive(members: Sequence[Member]) -> Archive:
    """Places members one behind the other."""
    starts, offsets, position = list[int](), list[int](), 0
    for member in members:
        starts.append(position)
        shortest = position + _LOCAL.size + len(member.name) + _LOCAL_EXTRA.size + _PADDING.size
        offsets.append(shortest + -shortest % _ALIGNMENT)
        position = offsets[-1] + member.size
    archived, entry = list[Archived](), position
    for member, start, offset in zip(members, starts, offsets, strict=True):
        archived.append(Archived(member, start, offset, entry))
        entry += _ENTRY.size + len(member.name) + _ENTRY_EXTRA.size
    return Archive(tuple(archived), position, entry)


def _local_header(one: Archived) -> bytes:
    name, size = one.member.name.encode("ascii"), one.member.size
    extra = one.offset - one.header - _LOCAL.size - len(name)
    padding = extra - _LOCAL_EXTRA.size - _PADDING.size
    told = (one.member.crc, _TOLD_ELSEWHERE, _TOLD_ELSEWHERE, len(name), extra)
    return b"".join(
        (
            _LOCAL.pack(b"PK\3\4", _VERSION, 0, 0, 0, _NEW_YEAR_1980, *told),
            name,
            _LOCAL_EXTRA.pack(1, _LOCAL_EXTRA.size - 4, size, size),
            _PADDING.pack(b"FB", padding),  # the id under which PyTorch pads
            bytes(padding),
        )
    )


def _entry(one: Archived) -> bytes:
    name, size = one.member.name.encode("ascii"), one.member.size
    told = (one.member.crc, _TOLD_ELSEWHERE, _TOLD_ELSEWHERE, len(name), _ENTRY_EXTRA.size)
    return b"".join((
        _ENTRY.pack(b"PK\1\2", _VERSION, _VERSION, 0, 0, 0, _NEW_YEAR_1980, *told, 0, 0, 0, 0,
                    _TOLD_ELSEWHERE),
        name,
        _ENTRY_EXTRA.pack(1, _ENTRY_EXTRA.size - 4, size, size, one.header),
    ))  # fmt: skip


def _end(one: Archive) -> bytes:
    count, begin, size = len(one.members), one.directory, one.end - one.directory
    versions = (_END_64.size - 12, _VERSION, _VERSION)
    return b"".join(
        (
            _END_64.pack(b"PK\6\6", *versions, 0, 0, count, count, size, begin),
            _LOCATOR.pack(b"PK\6\7", 0, one.end, 1),
            _END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, _TOLD_ELSEWHERE, _TOLD_ELSEWHERE, 0),
        )
    )
