"""Hostile NumPy files: each is refused or read in little time and memory, and never obeyed."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from attacked import failures_of
from shell import Run


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


@pytest.mark.parametrize("kind", WHOLE)
def test_every_truncation_is_refused(kind: str, tmp_path: Path) -> None:
    raw = WHOLE[kind]()
    for length in range(len(raw)):
        (tmp_path / "a").write_bytes(raw[:length])
        assert failures_of(tmp_path / "a"), length


@pytest.mark.parametrize("kind", WHOLE)
def test_a_changed_byte_is_refused_or_read(kind: str, tmp_path: Path) -> None:
    raw = WHOLE[kind]()
    read = 0
    for at in range(len(raw)):
        broken = bytearray(raw)
        broken[at] ^= 1 << at % 8
        (tmp_path / "a").write_bytes(broken)
        read += not failures_of(tmp_path / "a")
    # In an archive only dates, versions, attributes and the like may change unnoticed.
    assert read < (len(raw) if kind == "npy" else 120)


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


@pytest.mark.parametrize("case", HOSTILE)
def test_what_lies_is_refused(case: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(HOSTILE[case]())
    assert failures_of(tmp_path / "a")


def test_an_object_array_runs_nothing(run: Run, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str, ...]]:
            return Path.touch, (tmp_path / "touched",)  # type: ignore[return-value]

    np.save(tmp_path / "w.npy", np.array([Payload()], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", w=np.array([Payload()], object))
    for name in ("w.npy", "a.npz"):
        done = run("stats", name)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "no pickle is ever loaded" in done.stderr
    assert not (tmp_path / "touched").exists()


def test_members_names_are_shown_and_never_used(run: Run, tmp_path: Path) -> None:
    names = ["../../up.npy", "/etc/w.npy", "C:\\w.npy", "\x1b[31m.npy", "\u202ebidi.npy"]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), npy())
    done = run("stats", "a.npz")
    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)
    assert "../../up " in done.stdout


def test_twenty_thousand_members_are_read(tmp_path: Path) -> None:
    raw = npy((1,))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.npy", raw)
    assert not failures_of(tmp_path / "a.npz", hashes=False)
