"""NumPy files, alone and in archives, that lie about what is in them."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from cases import SOUND, Case, case, cut, flipped


def npy(shape: tuple[int, ...] = (40,), **more: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(np.prod(shape), dtype="<f4").reshape(shape), **more)  # type: ignore[arg-type]
    return file.getvalue()


def npz(*, deflated: bool) -> bytes:
    file = io.BytesIO()
    save = np.savez_compressed if deflated else np.savez
    save(file, a=np.arange(40, dtype="<f4"), b=np.asfortranarray(np.ones((3, 4))))
    return file.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "npy": npy,
    "npz": lambda: npz(deflated=False),
    "npz deflated": lambda: npz(deflated=True),
}


def deflate(raw: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(raw) + machine.flush()


def archive_of(packed: bytes, size: int, crc: int, method: int = 8) -> bytes:
    """Returns an archive of one member w.npy that says whatever it is told to."""
    told = (crc, len(packed), size, 5)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, method, 0, 33, *told, 0) + b"w.npy"
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, method, 0, 33, *told, *[0] * 6)
    body = local + packed
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry) + 5, len(body), 0)
    return body + entry + b"w.npy" + end


def lying(size: int, crc: int | None = None, cut: int = 0, more: bytes = b"") -> bytes:
    raw = npy()
    packed = deflate(raw)
    packed = packed[: len(packed) - cut] + more
    return archive_of(packed, size, zlib.crc32(raw) if crc is None else crc)


def header_of(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode()


def bomb(claimed: int) -> bytes:
    """Returns an archive of a member that inflates to much, and claims to be what it is not."""
    raw = header_of(f"({claimed // 4 - 32},)").ljust(1 << 20, b"\0")
    return archive_of(deflate(raw), claimed, 0)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a size below the member's": lambda: lying(len(npy()) - 4),
    "a size beyond the member's": lambda: lying(len(npy()) + 4),
    "a wrong checksum": lambda: lying(len(npy()), 1),
    "deflated data cut": lambda: lying(len(npy()), cut=3),
    "bytes behind deflated data": lambda: lying(len(npy()), more=b"more"),
    "no deflated data": lambda: archive_of(b"\xff" * 50, len(npy()), 0),
    "a member of nothing": lambda: archive_of(b"", 0, 0, 0),
    **{f"a bomb of {n}": lambda n=n: bomb(n) for n in (1 << 20, 2**31 - 4, 2**31, 2**32 - 4)},
    **{
        f"{n} values": lambda n=n: header_of(f"({n},)") + bytes(64)
        for n in (2**31, 2**32, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
    },
    "a payload": lambda: npy() + pickle.dumps(print),
    "an archive within an archive": lambda: archive_of(npz(deflated=False), 1000, 0, 0),
}


class _Payload:
    """What would write a file, were it loaded."""

    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("open('ran', 'w')",)


def _objects(*, alone: bool) -> bytes:
    file, array = io.BytesIO(), np.array([_Payload()], object)
    if alone:
        np.save(file, array, allow_pickle=True)
    else:
        np.savez(file, w=array)
    return file.getvalue()


def _archive(names: Iterable[str], raw: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), raw)
    return file.getvalue()


NAMES = (
    "../../up.npy",
    "/etc/w.npy",
    "C:\\w.npy",
    "\x1b[31m.npy",
    "\u202ebidi.npy",
    "\n::error::x.npy",
)


def hostile_numpy() -> Iterator[Case]:
    """Yields whole files."""
    yield case("sound", npz(deflated=True), SOUND)
    for name, make in HOSTILE.items():
        yield Case(name, make, is_in_values=name.startswith("a bomb of"))
    yield case("an array of objects", _objects(alone=True))
    yield case("an array of objects in an archive", _objects(alone=False), SOUND)
    yield case("members whose names act", _archive(NAMES, npy()), SOUND)
    many = (f"{number}.npy" for number in range(20_000))
    yield Case("20,000 members", lambda: _archive(many, npy((1,))), (SOUND,))
    for seed, (kind, make) in enumerate(WHOLE.items(), 7):
        raw = make()
        yield from cut(kind, raw, range(0, len(raw), 7))
        yield from flipped(kind, raw, 60, seed)
