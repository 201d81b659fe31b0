"""An archive's directory is read as the standard library reads it, or refused."""

from __future__ import annotations

import functools
import io
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from initcli.core.errors import InitcliError, MalformedError, TruncatedError
from initcli.formats.zip_directory import ZipMember, read_directory

CONTENT = {"a.npy": b"x" * 3000, "b/c.npy": bytes(range(256)), "empty": b"", "ünï": b"\0" * 70_000}
MANY = dict.fromkeys(map(str, range(1 << 16)), b"")


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


def archived(
    method: int = zipfile.ZIP_STORED,
    comment: bytes = b"",
    file: io.BytesIO | None = None,
    content: dict[str, bytes] = CONTENT,
    *,
    is_wide: bool = False,
) -> bytes:
    file = file or io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, raw in content.items():
            with archive.open(name, "w", force_zip64=is_wide) as member:
                member.write(raw)
        archive.comment = comment
    return file.getvalue()


def read(raw: bytes) -> dict[str, ZipMember]:
    return read_directory(io.BytesIO(raw), len(raw), "file")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"comment": b"a comment" + bytes(100)},
        {"is_wide": True},
        {"file": Unseekable()},
        {"content": {}},
        {"content": MANY},
    ],
    ids=lambda settings: " ".join(settings) or "plain",
)
def test_members_are_those_of_the_standard_library(
    method: int, settings: dict[str, object]
) -> None:
    raw = archived(method, **settings)  # type: ignore[arg-type]
    reference = zipfile.ZipFile(io.BytesIO(raw))
    ours = {
        name: (each.method, each.crc, each.packed, each.size, each.header)
        for name, each in read(raw).items()
    }
    assert ours == {
        each.filename: (
            each.compress_type,
            each.CRC,
            each.compress_size,
            each.file_size,
            each.header_offset,
        )
        for each in reference.infolist()
    }
    for name, member in read(raw).items():
        packed = raw[member.offset : member.offset + member.packed]
        content = reference.read(name)
        assert packed == content if member.method == 0 else len(packed) == member.packed


@functools.cache
def many() -> bytes:
    return archived(content=MANY)


def patched(field: str, offset: int, form: str, value: int) -> Callable[[], bytes]:
    """Returns an archive with one field of a structure overwritten."""

    def make() -> bytes:
        raw = bytearray(archived(content={"a": b"1234", "b": b"5678"}))
        struct.pack_into(form, raw, raw.rindex(field) + offset, value)
        return bytes(raw)

    return make


LOCAL, ENTRY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
LARGE = [2**31, 2**32 - 1]
LYING = {
    **{f"size in entry {n}": patched(ENTRY, 24, "<L", n) for n in (0, 3, 5, *LARGE)},
    **{f"packed size in entry {n}": patched(ENTRY, 20, "<L", n) for n in (0, 5, *LARGE)},
    **{f"header in entry {n}": patched(ENTRY, 42, "<L", n) for n in (0, 1, 34, 36, *LARGE)},
    **{f"name length in entry {n}": patched(ENTRY, 28, "<H", n) for n in (0, 2, 2**16 - 1)},
    **{f"extra length in entry {n}": patched(ENTRY, 30, "<H", n) for n in (1, 2**16 - 1)},
    **{f"method in entry {n}": patched(ENTRY, 10, "<H", n) for n in (8, 12, 14, 99)},
    **{f"flags in entry {n}": patched(ENTRY, 8, "<H", n) for n in (1, 1 << 6, 1 << 13)},
    "disk in entry": patched(ENTRY, 34, "<H", 1),
    "crc in entry": patched(ENTRY, 16, "<L", 1),
    **{f"size in header {n}": patched(LOCAL, 22, "<L", n) for n in (0, 5, 2**31)},
    **{f"name length in header {n}": patched(LOCAL, 26, "<H", n) for n in (0, 2, 2**16 - 1)},
    **{f"extra length in header {n}": patched(LOCAL, 28, "<H", n) for n in (1, 2**16 - 1)},
    "name in header": patched(LOCAL, 30, "<B", ord("z")),
    "method in header": patched(LOCAL, 8, "<H", 8),
    "signature of header": patched(LOCAL, 0, "<L", 0),
    **{f"count {n}": patched(END, 10, "<H", n) for n in (0, 1, 3, 2**16 - 1)},
    **{f"directory's size {n}": patched(END, 12, "<L", n) for n in (0, 1, *LARGE)},
    **{f"directory's place {n}": patched(END, 16, "<L", n) for n in (0, 1, *LARGE)},
    **{f"comment {n}": patched(END, 20, "<H", n) for n in (1, 2**16 - 1)},
    "disk": patched(END, 4, "<H", 1),
    "bytes behind the end": lambda: archived() + b"x",
    "bytes before the beginning": lambda: b"x" * 50 + archived(),
}


@pytest.mark.parametrize("case", LYING)
def test_an_archive_that_contradicts_itself_is_refused(case: str) -> None:
    with pytest.raises((MalformedError, TruncatedError)):
        read(LYING[case]())


@pytest.mark.parametrize(
    ("offset", "value"),
    [(at, value) for at in (24, 32, 40, 48) for value in (2**31, 2**32, 2**63, 2**64 - 1)]
    + [(4, 2**64 - 1), (4, 0)],
)
def test_a_64_bit_end_that_lies_is_refused(offset: int, value: int) -> None:
    raw = bytearray(many())
    struct.pack_into("<Q", raw, raw.rindex(b"PK\6\6") + offset, value)
    with pytest.raises((MalformedError, TruncatedError)):
        read(bytes(raw))


def test_members_that_share_bytes_are_refused() -> None:
    raw = bytearray(archived(content={"a": b"1234" * 30, "b": b"5678"}))
    inner = archived(content={"b": b"5678"})[:35]
    raw[35 : 35 + len(inner)] = inner
    struct.pack_into("<L", raw, raw.rindex(ENTRY) + 42, 35)
    crc = zipfile.ZipFile(io.BytesIO(archived(content={"a": bytes(raw[31:151])}))).getinfo("a").CRC
    struct.pack_into("<L", raw, 14, crc)
    struct.pack_into("<L", raw, raw.index(ENTRY) + 16, crc)
    with pytest.raises(MalformedError, match="members overlap: a and b"):
        read(bytes(raw))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    with pytest.raises(MalformedError, match="two members are called a"):
        read(file.getvalue())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_every_truncation_is_refused(method: int) -> None:
    raw = archived(method, content={"a": b"1234", "b": b"5678"})
    for length in range(len(raw)):
        with pytest.raises((MalformedError, TruncatedError)):
            read(raw[:length])


def test_a_flipped_byte_is_refused_or_changes_nothing_but_values() -> None:
    raw = archived(content={"a": b"1234", "b": b"5678"}, is_wide=True)
    for at in range(len(raw)):
        for flip in (1, 0x80, 0xFF):
            broken = bytearray(raw)
            broken[at] ^= flip
            with suppress(InitcliError):
                assert sum(each.size for each in read(bytes(broken)).values()) == 8


def test_a_members_name_is_never_a_path(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "/etc/passwd", "C:\\x", "\\\\host\\x"]
    raw = archived(content=dict.fromkeys(names, b"1"))
    assert list(read(raw)) == names
    assert not list(tmp_path.iterdir())
