"""A zip archive's directory is believed only where everything it says twice agrees."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from initcli.core.errors import MalformedError
from initcli.formats.zip.directory import ZipDirectory, read_directory

MEMBERS = {"a/data.pkl": b"pickle", "a/data/0": b"01234567", "a/version": b"3\n"}


def archive(
    members: dict[str, bytes], method: int = zipfile.ZIP_STORED, *, wide: bool = False
) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as file:
        for name, content in members.items():
            with file.open(zipfile.ZipInfo(name), "w", force_zip64=wide) as member:
                member.write(content)
    return raw.getvalue()


def opened(raw: bytes) -> ZipDirectory:
    return read_directory(io.BytesIO(raw), len(raw), "w.zip")


def contents(raw: bytes) -> dict[str, bytes]:
    file, directory = io.BytesIO(raw), opened(raw)
    found = {}
    for name, member in directory.members.items():
        begin = directory.begin(file, member)
        found[name] = raw[begin : begin + member.packed]
    return found


@given(
    st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.binary(), max_size=5),
    st.booleans(),
)
def test_what_python_stores_is_found_where_it_lies(members: dict[str, bytes], wide: bool) -> None:
    names = {zipfile.ZipInfo(name).filename: content for name, content in members.items()}
    if len(names) == len(members):
        assert contents(archive(names, wide=wide)) == names


def test_what_pytorch_stores_is_found_where_it_lies(tmp_path: Path) -> None:
    torch.save({f"{i}": torch.arange(i, dtype=torch.uint8) for i in range(40)}, tmp_path / "w")
    raw = (tmp_path / "w").read_bytes()
    with zipfile.ZipFile(tmp_path / "w") as reference:
        assert contents(raw) == {name: reference.read(name) for name in reference.namelist()}


def test_sizes_beyond_32_bits_are_read_where_they_are_told(tmp_path: Path) -> None:
    path = tmp_path / "w"
    with zipfile.ZipFile(path, "w") as file, file.open("a", "w", force_zip64=True) as member:
        member.write(b"x")
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(b"PK\1\2")
    size = 5 << 30
    # As a writer tells them that has no room for them: in a field of 64-bit numbers.
    extra = struct.pack("<2H3Q", 1, 24, size, size, 0)
    raw[entry + 20 : entry + 28] = b"\xff" * 8
    raw[entry + 42 : entry + 46] = b"\xff" * 4
    raw[entry + 30 : entry + 32] = struct.pack("<H", len(extra))
    raw[entry + 47 : entry + 47] = extra
    end = raw.rindex(b"PK\5\6")
    raw[end + 12 : end + 16] = struct.pack("<L", 47 + len(extra))
    with pytest.raises(MalformedError, match="member a runs into what follows it"):
        opened(bytes(raw))
    sparse = bytes(raw[:entry]), bytes(raw[entry:])
    moved = bytearray(sparse[1])
    at = entry - 1 + size
    moved[-6:-2] = b"\xff" * 4
    path.write_bytes(sparse[0])
    with path.open("r+b") as file_:
        file_.seek(at)
        told = len(moved) - 22
        end_64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, told, at)
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + told, 1)
        file_.write(bytes(moved[:-22]) + end_64 + locator + bytes(moved[-22:]))
    with path.open("rb", buffering=0) as file_:
        directory = read_directory(file_, path.stat().st_size, "w")
        assert directory.members["a"].size == size
        assert zipfile.ZipFile(path).getinfo("a").file_size == size


def patched(raw: bytes, signature: bytes, offset: int, content: bytes, nth: int = 0) -> bytes:
    at = -1
    for _ in range(nth + 1):
        at = raw.index(signature, at + 1)
    return raw[: at + offset] + content + raw[at + offset + len(content) :]


RAW = archive(MEMBERS)
LOCAL, ENTRY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"

BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "too short"),
    "cut by a byte": (lambda: RAW[:-1], "no end of the directory"),
    "a byte too much": (lambda: RAW + b"x", "no end of the directory"),
    "a comment": (lambda: patched(RAW, END, 20, b"\1\0") + b"x", "no end of the directory"),
    "a comment that is not there": (lambda: patched(RAW, END, 20, b"\1\0"), "no end of the"),
    "another disk": (lambda: patched(RAW, END, 4, b"\1\0"), "several parts"),
    "two counts": (lambda: patched(RAW, END, 8, b"\4\0"), "several parts"),
    "one entry more": (lambda: patched(RAW, END, 8, b"\4\0\4\0"), "entry cannot be read"),
    "one entry less": (lambda: patched(RAW, END, 8, b"\2\0\2\0"), "more than its entries"),
    "a directory elsewhere": (lambda: patched(RAW, END, 16, b"\0\0\0\0"), "not where its end"),
    "a directory beyond the file": (
        lambda: patched(RAW, END, 16, b"\0\0\0\x7f"),
        "not where its end says",
    ),
    "no entry": (lambda: patched(RAW, ENTRY, 0, b"PK\1\3"), "no entry at all"),
    "encrypted": (lambda: patched(RAW, ENTRY, 8, b"\1\0"), "encrypted"),
    "an endless name": (lambda: patched(RAW, ENTRY, 28, b"\xff\xff"), "beyond the directory"),
    "half a character": (lambda: patched(RAW, ENTRY, 46, b"\xff"), "entry cannot be read"),
    "two sizes": (lambda: patched(RAW, ENTRY, 20, b"\1\0\0\0"), "has two sizes"),
    "64 bits promised": (
        lambda: patched(RAW, ENTRY, 20, b"\xff" * 8),
        "lacks its 64-bit sizes",
    ),
    "larger than the file": (
        lambda: patched(RAW, ENTRY, 20, b"\0\0\0\x7f" * 2),
        "runs into what follows",
    ),
    "another's header": (
        lambda: patched(RAW, ENTRY, 42, struct.pack("<L", RAW.index(LOCAL, 9)), 0),
        "runs into what follows",
    ),
    "one header for two": (lambda: patched(RAW, ENTRY, 42, bytes(4), 1), "runs into what follows"),
    "two of a name": (
        lambda: patched(archive({"a": b"", "b": b""}), ENTRY, 46, b"b"),
        "two members are named b",
    ),
}


@pytest.mark.parametrize(("make", "message"), BROKEN.values(), ids=BROKEN)
def test_a_directory_that_breaks_a_rule_is_refused(make: Callable[[], bytes], message: str) -> None:
    with pytest.raises(MalformedError, match=message) as caught:
        opened(make())
    assert caught.value.where == "w.zip"


LYING: dict[str, tuple[bytes, str]] = {
    "no header": (patched(RAW, LOCAL, 0, b"PK\3\5"), "no header of its own"),
    "another name": (patched(RAW, LOCAL, 30, b"b"), "another name"),
    "a longer name": (patched(RAW, LOCAL, 26, b"\xff\0"), "another name"),
    "another method": (patched(RAW, LOCAL, 8, b"\x08\0"), "another size"),
    "another size": (patched(RAW, LOCAL, 18, b"\x01\0\0\0"), "another size"),
    "an endless extra field": (patched(RAW, LOCAL, 28, b"\xff\xff"), "runs into what follows"),
    "an extra field": (patched(RAW, LOCAL, 28, b"\1\0"), "runs into what follows"),
}


@pytest.mark.parametrize(("raw", "message"), LYING.values(), ids=LYING)
def test_a_member_whose_own_header_says_otherwise_is_refused(raw: bytes, message: str) -> None:
    directory = opened(raw)
    with pytest.raises(MalformedError, match=rf"member a/data\.pkl .*{message}"):
        directory.begin(io.BytesIO(raw), directory.members["a/data.pkl"])


WIDE = archive({f"{i}": b"" for i in range(3)})
WIDE = (
    WIDE[:-22]
    + struct.pack(
        "<4sQ2H2L4Q",
        *(b"PK\6\6", 44, 45, 45, 0, 0, 3, 3),
        len(WIDE) - 22 - WIDE.index(ENTRY),
        WIDE.index(ENTRY),
    )
    + struct.pack("<4sLQL", b"PK\6\7", 0, len(WIDE) - 22, 1)
    + WIDE[-22:]
)

WIDE_BROKEN: dict[str, tuple[int, bytes, str]] = {
    "its end's place": (64, b"\1", "64-bit end of the directory is not where"),
    "its disk": (60, b"\1", "64-bit end of the directory is not where"),
    "its own size": (4, b"\x2d", "64-bit end of the directory is not where"),
    "its signature": (0, b"QK", "64-bit end of the directory is not where"),
    "its count": (32, b"\2", "64-bit end of the directory is not where"),
    "both counts": (24, b"\2" + bytes(7) + b"\2", "its two ends disagree"),
    "its directory's size": (40, b"\1", "its two ends disagree"),
    "its directory's place": (48, b"\1", "its two ends disagree"),
}


def test_an_end_in_64_bits_is_read() -> None:
    assert list(opened(WIDE).members) == ["0", "1", "2"]


@pytest.mark.parametrize(("offset", "content", "message"), WIDE_BROKEN.values(), ids=WIDE_BROKEN)
def test_an_end_in_64_bits_that_lies_is_refused(offset: int, content: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        opened(patched(WIDE, b"PK\6\6", offset, content))


@given(st.data())
def test_damage_is_refused_or_told_of_sizes_within_the_file(data: st.DataObject) -> None:
    raw = bytearray(RAW)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    found: dict[str, bytes] = {}
    with suppress(MalformedError):
        found = contents(bytes(raw))
    assert sum(map(len, found.values())) < len(raw)
