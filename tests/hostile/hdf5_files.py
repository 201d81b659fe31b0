"""HDF5 files that are cut, changed, deep, huge, or name other files."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator

import h5py
import numpy as np

from cases import HUGE, REFUSED, SOUND, Case, case, cut, flipped


def _written(write: Callable[[h5py.File], object], version: str = "latest") -> bytes:
    raw = io.BytesIO()
    with h5py.File(raw, "w", libver=version) as file:
        write(file)
    return raw.getvalue()


def _sound(file: h5py.File) -> None:
    file["layers/vars/0"] = np.arange(12, dtype="f4").reshape(3, 4)
    settings = {"compression": "gzip", "shuffle": True, "fletcher32": True}
    file.create_dataset("w", data=np.arange(60.0).reshape(6, 10), chunks=(3, 7), **settings)


def sound_hdf5(version: str = "latest") -> bytes:
    """Returns a file of plain and of filtered values."""
    return _written(_sound, version)


def _in_themselves(file: h5py.File) -> None:
    file["w"] = np.ones(3)
    file["up"] = file["/"]
    group = file
    for _ in range(3000):
        group = group.create_group("d")


def _huge(file: h5py.File) -> None:
    file.create_dataset("w", (2**40, 2**20), "f4", chunks=(1024, 1024))
    file["v"] = np.ones(3)


def _stored_elsewhere(file: h5py.File) -> None:
    file["v"] = np.ones(3)
    file.create_dataset("w", (4,), "f4", external=[("/etc/passwd", 0, 16)])


def _linked_elsewhere(file: h5py.File) -> None:
    file["v"] = np.ones(3)
    file["w"] = h5py.ExternalLink("/etc/passwd", "/")


def _mapped_elsewhere(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "w", (4,))
    file["v"] = np.ones(3)
    file.create_virtual_dataset("w", layout)


def _in_a_circle(file: h5py.File) -> None:
    file["v"] = np.ones(3)
    file["a"] = h5py.SoftLink("/b")
    file["b"] = h5py.SoftLink("/a")
    file["c"] = h5py.SoftLink("c/c/c/c")


def _doubled_again_and_again(file: h5py.File) -> None:
    file["v"] = np.ones(3)
    group: h5py.Group = file
    for _ in range(20):
        inner = group.create_group("a")
        group["b"] = inner
        group = inner
    group["w"] = np.ones(3)


def _in_headers(file: h5py.File) -> None:
    plan, space = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5s.create_simple((60_000,))
    plan.set_layout(h5py.h5d.COMPACT)
    for number in range(2000):
        h5py.h5d.create(file.id, b"w%d" % number, h5py.h5t.NATIVE_UINT8, space, plan)


def _numbers(name: str, raw: bytes) -> Iterator[Case]:
    """Yields files of which a word of eight bytes is a number of any size."""
    for number, at in enumerate(range(0, len(raw) - 8, 24)):
        if any(raw[at : at + 8]):
            value = struct.pack("<Q", HUGE[number % len(HUGE)])
            changed = raw[:at] + value + raw[at + 8 :]
            yield case(f"{name}: a huge number at byte {at}", changed, SOUND, REFUSED)


def hostile_hdf5() -> Iterator[Case]:
    """Yields whole files."""
    yield case("sound", sound_hdf5(), SOUND)
    yield case("groups in themselves and 3,000 deep", _written(_in_themselves))
    yield case("a huge shape", _written(_huge))
    yield case("values in another file", _written(_stored_elsewhere), SOUND)
    yield case("a link to another file", _written(_linked_elsewhere), SOUND)
    yield case("values mapped from another file", _written(_mapped_elsewhere), SOUND)
    yield case("a circle of links", _written(_in_a_circle), SOUND)
    yield case("groups with a million names", _written(_doubled_again_and_again))
    yield Case("2,000 datasets in headers", lambda: _written(_in_headers), (SOUND,))
    for seed, version in enumerate(("earliest", "latest"), 11):
        raw = sound_hdf5(version)
        name = f"of the {version} version"
        yield from cut(name, raw, (*range(0, len(raw), 101), len(raw) - 1))
        yield from flipped(name, raw, 60, seed)
        yield from _numbers(name, raw)
