"""Zip archives and legacy files that lie about what is in them."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Iterator

from cases import HUGE, SOUND, Case, case, cut, flipped, near
from pickles import hostile_pickles, plain, state_dict, tensor

VALUES = struct.pack("<4f", 1, 2, 3, 4)
PICKLED = state_dict(tensor())
LOCAL, ENTRY, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
MAGIC = 0x1950A86A20F9469CFC6C


def archive(
    pickled: bytes = PICKLED,
    more: tuple[tuple[str, bytes], ...] = (),
    method: int = zipfile.ZIP_STORED,
    values: bytes = VALUES,
) -> bytes:
    """Returns an archive such as PyTorch writes, whose checksums are right whatever is in it."""
    raw = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(raw, "w", method) as file:
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content in (("w/data.pkl", pickled), ("w/data/0", values), *more):
            file.writestr(zipfile.ZipInfo(name), content, method)
    return raw.getvalue()


def legacy(
    pickled: bytes = PICKLED, keys: object = ("0",), counts: tuple[int, ...] = (4,)
) -> bytes:
    """Returns a file such as PyTorch wrote before it wrote archives."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    listed = list(keys) if isinstance(keys, tuple) else keys
    heads = b"".join(pickle.dumps(each, 2) for each in (MAGIC, 1001, system))
    storages = b"".join(count.to_bytes(8, "little") + VALUES for count in counts)
    return heads + pickled + pickle.dumps(listed, 2) + storages


def patched(raw: bytes, signature: bytes, offset: int, content: bytes) -> bytes:
    """Returns a file of which a field behind a signature's first place is another."""
    at = raw.index(signature) + offset
    return raw[:at] + content + raw[at + len(content) :]


def _zip_lies() -> Iterator[tuple[str, bytes]]:
    sound = archive()
    for size in HUGE[:3]:
        narrow = struct.pack("<L", size)
        yield f"a record of {size} bytes", patched(sound, ENTRY, 20, narrow * 2)
        yield f"a record at {size}", patched(sound, ENTRY, 42, narrow)
        yield f"a directory at {size}", patched(sound, END, 16, narrow)
        yield f"a directory of {size} bytes", patched(sound, END, 12, narrow)
    for size in HUGE:
        wide = struct.pack("<Q", size)
        yield f"zip64 directory at {size}", _with_end_64(sound, begin=wide)
        yield f"zip64 directory of {size}", _with_end_64(sound, length=wide)
        yield f"zip64 count of {size}", _with_end_64(sound, count=wide)
        yield f"zip64 end at {size}", _with_end_64(sound, at=wide)
    yield "overlapping records", patched(sound, ENTRY, 42, struct.pack("<L", 1))
    yield "one record under two names", _shared_record()
    yield "an entry without a header", patched(sound, LOCAL, 0, b"XX\3\4")
    yield "a header of another name", patched(sound, LOCAL, 30, b"v")
    yield "a header of another size", patched(sound, LOCAL, 18, b"\1\0\0\0")
    yield "a name of 65,535 bytes", patched(sound, ENTRY, 28, b"\xff\xff")
    yield "a name that is no text", patched(sound, ENTRY, 46, b"\xff")
    yield "encrypted", patched(sound, ENTRY, 8, b"\1\0")
    yield "65,535 members", patched(sound, END, 8, b"\xff\xff\xff\xff")
    yield "no members", patched(sound, END, 8, b"\0\0\0\0")
    yield "something behind its end", sound + b"x"
    yield "something before its begin", b"x" + sound
    yield "a comment", sound[:-2] + b"\4\0PK\5\6"
    yield "duplicate members", archive(more=(("w/data.pkl", PICKLED),))
    yield "duplicate storages", archive(more=(("w/data/0", VALUES),))
    yield "a second pickle", archive(more=(("v/data.pkl", PICKLED),))
    yield "a storage too short", archive(values=VALUES[:-1])
    yield "a storage too long", archive(values=VALUES * 2)
    yield "an odd byte order", archive(more=(("w/byteorder", b"middle"),))
    yield "a byte order of a megabyte", archive(more=(("w/byteorder", b"little" * 200_000),))
    yield "an odd method", archive(method=zipfile.ZIP_BZIP2)
    yield "a deflated bomb", archive(b"]" * (64 << 20) + b".", method=zipfile.ZIP_DEFLATED)
    yield "no pickle", _only("w/data/0")
    yield "a pickle in a folder", _only("w/v/data.pkl")
    yield "a pickle at a path", _only("../../data.pkl")
    yield "a pickle whose checksum is another", patched(sound, PICKLED[:6], 6, b"v")


def _with_end_64(
    raw: bytes,
    *,
    begin: bytes | None = None,
    length: bytes | None = None,
    count: bytes | None = None,
    at: bytes | None = None,
) -> bytes:
    """Returns an archive whose directory is told in 64 bits too, with one of them a lie."""
    end = len(raw) - 22
    directory = raw.index(ENTRY)
    told = (
        (count or struct.pack("<Q", 2)) * 2
        + (length or struct.pack("<Q", end - directory))
        + (begin or struct.pack("<Q", directory))
    )
    end_64 = struct.pack("<4sQ2H2L", b"PK\6\6", 44, 45, 45, 0, 0) + told
    locator = b"PK\6\7" + bytes(4) + (at or struct.pack("<Q", end)) + b"\1\0\0\0"
    return raw[:end] + end_64 + locator + raw[end:]


def _shared_record() -> bytes:
    raw = archive(more=(("w/data/1", VALUES),))
    second = raw.index(ENTRY, raw.index(ENTRY) + 1)
    third = raw.index(ENTRY, second + 1)
    return raw[: third + 42] + raw[second + 42 : second + 46] + raw[third + 46 :]


def _only(name: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as file:
        file.writestr(name, PICKLED)
    return raw.getvalue()


TRAVERSALS = (
    "../../evil",
    "/etc/evil",
    "C:\\evil",
    "w/../../evil",
    "w/\x1b[31m",
    "w/" + "x" * 60_000,
)


def _legacy_lies() -> Iterator[tuple[str, bytes]]:
    for size in HUGE:
        yield f"a storage that says {size}", legacy(counts=(size,))
        yield f"a storage that has {size}", legacy(state_dict(tensor(count=size)), counts=(size,))
    yield "no keys", legacy(keys=())
    yield "keys that are no list", legacy(keys={"0": 1})
    yield "keys that are no texts", legacy(keys=(0,))
    yield "a key twice", legacy(keys=("0", "0"), counts=(4, 4))
    yield "a key of nothing", legacy(keys=("1",))
    yield "another version", legacy().replace(pickle.dumps(1001, 2), pickle.dumps(1002, 2), 1)
    yield "another magic number", pickle.dumps(MAGIC + 1, 2) + legacy()[20:]
    yield "only a pickle", PICKLED


def hostile_archives() -> Iterator[Case]:
    """Yields whole files."""
    sound, old = archive(), legacy()
    yield case("sound", sound, SOUND)
    for each in hostile_pickles():
        yield Case(f"archive: {each.name}", lambda each=each: archive(each.make()), each.exits)  # type: ignore[misc]
        yield Case(f"legacy: {each.name}", lambda each=each: legacy(each.make()), each.exits)  # type: ignore[misc]
    for name, raw in _zip_lies():
        yield case(name, raw)
    for name in TRAVERSALS:
        yield case(f"a member {name[:20]!r}", archive(more=((name, b"x"),)), SOUND)
    for name, raw in _legacy_lies():
        yield case(f"legacy: {name}", raw)
    yield from cut("an archive", sound, near(sound, LOCAL, ENTRY, END, PICKLED, VALUES))
    yield from cut("a legacy file", old, range(1, len(old), 9))
    yield from flipped("an archive", sound, 80, seed=2)
    yield from flipped("a legacy file", old, 80, seed=3)
    for size in (10, 1 << 20):
        yield case(f"a name of {size} characters", archive(wide_key(size)), SOUND)


def wide_key(size: int) -> bytes:
    """Returns a pickle whose tensor has a name of so many characters."""
    return b"\x80\x02}" + plain("\u202ex" * (size // 2)) + tensor() + b"s."
