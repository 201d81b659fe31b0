"""The directory of a zip archive, judged strictly: what it says twice must agree.

Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3, 4.5.3)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import BinaryIO, NoReturn

from initcli.core.errors import MalformedError
from initcli.core.text import visible

SIGNATURE = b"PK\3\4"
STORED = 0
DEFLATED = 8
# A directory of so many bytes names half a million members.
_LARGEST = 32 << 20
_ENCRYPTED = 1 | 1 << 6
_TOLD_LATER = 1 << 3
_SHORT, _LONG = 0xFFFF, 0xFFFFFFFF
_LOCAL = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_BYTES_64 = 8


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the directory has it.

    Attributes:
        name: What it is called, which is never used as a path.
        size: Its bytes.
        packed: The bytes it takes in the archive.
        method: How it is compressed.
        crc: The checksum of its bytes; 0 also where the writer computed none.
        header: Where its own header begins.
        raw_name: The name as the archive writes it.
    """

    name: str
    size: int
    packed: int
    method: int
    crc: int
    header: int
    raw_name: bytes


@dataclass(frozen=True)
class ZipDirectory:
    """The members of an archive, by name, in the order of the directory.

    Attributes:
        where: The archive, as messages name it.
        members: What is in it.
        limits: The byte before which each member must end, by its name.
    """

    where: str
    members: dict[str, Member]
    limits: dict[str, int]

    def begin(self, file: BinaryIO, member: Member) -> int:
        """Returns where a member's bytes begin, once its own header agrees with the directory.

        Raises:
            MalformedError: It does not agree, or its bytes run into what follows.
        """
        file.seek(member.header)
        raw = file.read(_LOCAL.size + len(member.raw_name))
        if len(raw) < _LOCAL.size or raw[: len(SIGNATURE)] != SIGNATURE:
            self.refuse("has no header of its own", member)
        _, _, flags, method, _, _, _, packed, size, name, extra = _LOCAL.unpack_from(raw)
        if raw[_LOCAL.size :] != member.raw_name or name != len(member.raw_name):
            self.refuse("has another name in its own header", member)
        told_later = flags & _TOLD_LATER and not packed and not size
        sizes = {(member.packed, member.size), (_LONG, _LONG)}
        if method != member.method or not (told_later or (packed, size) in sizes):
            self.refuse("has another size in its own header", member)
        start: int = member.header + _LOCAL.size + name + extra
        if start + member.packed > self.limits[member.name]:
            self.refuse("runs into what follows it", member)
        return start

    def refuse(self, flaw: str, member: Member) -> NoReturn:
        """Raises what is wrong with a member."""
        raise MalformedError(f"member {visible(member.name, 120)} {flaw}", where=self.where)


class _FlawError(Exception):
    """The directory breaks a rule; the archive is told by whoever knows it."""


def read_directory(file: BinaryIO, size: int, where: str) -> ZipDirectory:
    """Reads what an archive says it holds.

    Args:
        file: The archive, open for reading.
        size: Its bytes.
        where: The archive, as messages name it.

    Raises:
        MalformedError: The directory breaks a rule of the format, or two members share bytes.
    """
    try:
        begin, length, count = _ending(file, size)
        file.seek(begin)
        members = list(_members(file.read(length), count))
        limits = _limits(members, begin)
    except (_FlawError, struct.error, UnicodeDecodeError) as flaw:
        told = str(flaw) if isinstance(flaw, _FlawError) else "an entry cannot be read"
        hint = "the archive is cut or damaged: fetch or copy it again"
        raise MalformedError(f"zip archive: {told}", where=where, hint=hint) from flaw
    by_name = {member.name: member for member in members}
    if len(by_name) < len(members):
        twice = next(each for each in members if by_name[each.name] is not each)
        shown = visible(twice.name, 120)
        raise MalformedError(f"zip archive: two members are named {shown}", where=where)
    return ZipDirectory(where, by_name, limits)


def _ending(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Returns where the directory begins, its bytes, and how many members it has."""
    told_at = size - _END.size
    if told_at < 0:
        raise _FlawError("too short")
    file.seek(told_at)
    raw = file.read(_END.size)
    signature, disk, first, here, count, length, begin, comment = _END.unpack(raw)
    if signature != b"PK\5\6" or comment:
        raise _FlawError("no end of the directory at the end of the file")
    if disk not in {0, _SHORT} or first not in {0, _SHORT} or here != count:
        raise _FlawError("it has several parts")
    told = (begin, length, count)
    end, wide = _ending_64(file, told_at)
    full = (_LONG, _LONG, _SHORT)
    if wide and any(n not in both for n, *both in zip(told, wide, full, strict=True)):
        raise _FlawError("its two ends disagree")
    begin, length, count = wide or told
    if begin + length != end:
        raise _FlawError("the directory is not where its end says")
    if length > _LARGEST:
        raise _FlawError(f"a directory of {length:,} bytes")
    return begin, length, count


def _ending_64(file: BinaryIO, told_at: int) -> tuple[int, tuple[int, int, int] | None]:
    """Returns where the directory must end, and what is told of it in 64 bits, if anything."""
    locator_at = told_at - _LOCATOR.size
    end = locator_at - _END_64.size
    if end < 0:
        return told_at, None
    file.seek(end)
    wide, locator = file.read(_END_64.size), file.read(_LOCATOR.size)
    signature, disk, at, _ = _LOCATOR.unpack(locator)
    if signature != b"PK\6\7":
        return told_at, None
    signature, length, _, _, part, first, here, count, size, begin = _END_64.unpack(wide)
    is_sound = signature == b"PK\6\6" and length == _END_64.size - 12
    if at != end or disk or part or first or here != count or not is_sound:
        raise _FlawError("the 64-bit end of the directory is not where it should be")
    return end, (begin, size, count)


def _members(raw: bytes, count: int) -> Iterator[Member]:
    position = 0
    for _ in range(count):
        signature, _, _, flags, method, _, _, crc, packed, size, *rest = _ENTRY.unpack_from(
            raw, position
        )
        name_length, extra_length, comment_length, disk, _, _, header = rest
        if signature != b"PK\1\2" or flags & _ENCRYPTED or disk not in {0, _SHORT}:
            raise _FlawError("an entry is encrypted or no entry at all")
        name_at = position + _ENTRY.size
        extra_at = name_at + name_length
        position = extra_at + extra_length + comment_length
        if position > len(raw):
            raise _FlawError("an entry reaches beyond the directory")
        extra = raw[extra_at : extra_at + extra_length]
        size, packed, header = _told_in_64(extra, (size, packed, header))
        if method == STORED and size != packed:
            raise _FlawError("a stored member has two sizes")
        name = raw[name_at:extra_at]
        yield Member(name.decode(), size, packed, method, crc, header, name)
    if position != len(raw):
        raise _FlawError("the directory holds more than its entries")


def _told_in_64(extra: bytes, told: tuple[int, int, int]) -> tuple[int, int, int]:
    """Returns sizes and place, those from the 64-bit field that the entry has no room for."""
    missing = told.count(_LONG)
    if not missing:
        return told
    field = _field_64(extra)
    if len(field) < missing * _BYTES_64:
        raise _FlawError("an entry lacks its 64-bit sizes")
    wide = iter(struct.unpack_from(f"<{missing}Q", field))
    size, packed, header = (next(wide) if number == _LONG else number for number in told)
    return size, packed, header


def _field_64(extra: bytes) -> bytes:
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == 1:
            return extra[position : position + length]
        position += length
    return b""


def _limits(members: list[Member], end: int) -> dict[str, int]:
    """Returns before which byte each member must end, once none overlaps another."""
    ordered = sorted(members, key=attrgetter("header"))
    limits = [*(each.header for each in ordered[1:]), end]
    for member, limit in zip(ordered, limits, strict=False):
        if member.header + _LOCAL.size + len(member.raw_name) + member.packed > limit:
            raise _FlawError(f"member {visible(member.name, 120)} runs into what follows it")
    return {member.name: limit for member, limit in zip(ordered, limits, strict=False)}
