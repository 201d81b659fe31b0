"""The directory of a zip archive, judged strictly: what it says must be what lies in the file.

A member's name is data and never a path. An archive that says two things is refused, whichever
of them a reader might believe. Source:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3, 4.4, 4.5.3)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

from initcli.core.errors import MalformedError
from initcli.core.text import visible
from initcli.formats.zip_end import Bounds, directory_bounds, read_exactly

SIGNATURE = b"PK\x03\x04"
STORED, DEFLATED = 0, 8
# One bit of deflated data stands for no more than 129 bytes.
# Source: https://zlib.net/zlib_tech.html, "Maximum Compression Factor"
_MOST_INFLATED = 1032
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_UTF8 = 1 << 11
_TOLD_LATER = 1 << 3
_ZIP64 = 1
_TOLD_ELSEWHERE = (1 << 32) - 1
_LOCAL = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file within an archive.

    Attributes:
        name: What it is called there.
        method: `STORED` or `DEFLATED`.
        crc: The CRC-32 of its content.
        packed: Its bytes in the archive.
        size: Bytes of its content.
        header: Where its own header begins.
        offset: Where its bytes begin.
    """

    name: str
    method: int
    crc: int
    packed: int
    size: int
    header: int
    offset: int


def read_directory(file: BinaryIO, size: int, where: str) -> dict[str, ZipMember]:
    """Reads which members an archive has, and where their bytes lie.

    Args:
        file: The archive, opened for reading.
        size: Its bytes.
        where: The file, as messages name it.

    Returns:
        The members by name, in the order of their bytes.

    Raises:
        TruncatedError: The archive has no end, or ends inside a member.
        MalformedError: It contradicts itself, or holds what no checkpoint does.
    """
    bounds = directory_bounds(file, size, where)
    raw = read_exactly(file, bounds.begin, bounds.size, where)
    members = sorted(_entries(raw, bounds, where), key=lambda member: member.header)
    placed = [_placed(file, member, bounds.begin, where) for member in members]
    _refuse_overlaps(placed, where)
    named = {member.name: member for member in placed}
    if len(named) < len(placed):
        seen: set[str] = set()
        twice = next(m.name for m in placed if m.name in seen or seen.add(m.name))  # type: ignore[func-returns-value]
        raise MalformedError(f"two members are called {visible(twice, 80)}", where=where)
    return named


def _entries(raw: bytes, bounds: Bounds, where: str) -> Iterator[ZipMember]:
    """Yields what the directory says; where a member's bytes begin is not known yet."""
    at = 0
    for number in range(bounds.count):
        here = f"{where}, member {number:,}"
        if at + _ENTRY.size > len(raw):
            raise MalformedError("the archive's directory ends early", where=here)
        entry = _ENTRY.unpack_from(raw, at)
        end = at + _ENTRY.size + sum(entry[10:13])
        if entry[0] != b"PK\1\2" or end > len(raw):
            raise MalformedError("the archive's directory is malformed", where=here)
        yield _member(entry, raw[at + _ENTRY.size : end], here)
        at = end
    if at != len(raw):
        raise MalformedError("bytes after the directory's last member", where=where)


def _member(entry: tuple[int, ...], rest: bytes, here: str) -> ZipMember:
    _, _, _, flags, method, _, _, crc, packed, size, named, extra, _, disk, _, _, header = entry
    name = _name(rest[:named], flags, here)
    here = f"{here}, {visible(name, 80)}"
    size, packed, header, disk = _widened(
        rest[named : named + extra], (size, packed, header, disk), here
    )
    if flags & _ENCRYPTED:
        raise MalformedError("an encrypted member", where=here)
    if disk:
        raise MalformedError("an archive in several parts", where=here)
    if method not in {STORED, DEFLATED}:
        raise MalformedError(f"compression method {method} is not read", where=here)
    if method == STORED and packed != size:
        raise MalformedError(f"a stored member of {size:,} bytes takes {packed:,}", where=here)
    if size > packed * _MOST_INFLATED:
        raise MalformedError(f"{packed:,} bytes cannot inflate to {size:,}", where=here)
    return ZipMember(name, method, crc, packed, size, header, 0)


def _name(raw: bytes, flags: int, here: str) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise MalformedError("a member's name is not UTF-8", where=here) from error


def _widened(extra: bytes, told: tuple[int, ...], here: str) -> list[int]:
    """Returns sizes and offset, those of 64 bits from the extra field that holds them."""
    limits = (_TOLD_ELSEWHERE, _TOLD_ELSEWHERE, _TOLD_ELSEWHERE, 0xFFFF)
    wide = [value == limit for value, limit in zip(told, limits, strict=True)]
    if not any(wide):
        return list(told)
    field = _extra_field(extra, here)
    form = "<" + "".join(code for code, is_wide in zip("QQQL", wide, strict=True) if is_wide)
    if len(field) < struct.calcsize(form):
        raise MalformedError("a 64-bit size is missing", where=here)
    values = iter(struct.unpack_from(form, field))
    return [next(values) if is_wide else value for value, is_wide in zip(told, wide, strict=True)]


def _extra_field(extra: bytes, here: str) -> bytes:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _ZIP64:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    raise MalformedError("a 64-bit size is missing", where=here)


def _placed(file: BinaryIO, member: ZipMember, limit: int, where: str) -> ZipMember:
    """Returns a member with the place of its bytes, which only its own header tells."""
    here = f"{where}, member {visible(member.name, 80)}"
    if member.header + _LOCAL.size > limit:
        raise MalformedError("a member begins behind the directory", where=here)
    local = _LOCAL.unpack(read_exactly(file, member.header, _LOCAL.size, here))
    signature, _, flags, method, _, _, *told, named, extra = local
    name = read_exactly(file, member.header + _LOCAL.size, named, here)
    if signature != SIGNATURE or method != member.method or flags & _ENCRYPTED:
        raise MalformedError("directory and member disagree", where=here)
    if not flags & _TOLD_LATER and not _agree(told, member):
        raise MalformedError("directory and member disagree on its size or checksum", where=here)
    if _name(name, flags, here) != member.name:
        raise MalformedError("directory and member disagree on its name", where=here)
    offset = member.header + _LOCAL.size + named + extra
    if offset + member.packed > limit:
        raise MalformedError("a member ends behind the directory's beginning", where=here)
    return replace(member, offset=offset)


def _agree(told: Sequence[int], member: ZipMember) -> bool:
    crc, *sizes = told
    known = zip(sizes, (member.packed, member.size), strict=True)
    return crc == member.crc and all(size in {_TOLD_ELSEWHERE, actual} for size, actual in known)


def _refuse_overlaps(members: Sequence[ZipMember], where: str) -> None:
    for one, other in pairwise(members):
        if one.offset + one.packed > other.header:
            names = f"{visible(one.name, 80)} and {visible(other.name, 80)}"
            raise MalformedError(f"members overlap: {names}", where=where)
