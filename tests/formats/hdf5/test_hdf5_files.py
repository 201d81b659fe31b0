"""HDF5 is read as h5py reads it, and no other file ever is."""

from __future__ import annotations

import importlib.util
import os
import struct
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partialmethod
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from initcli.core.errors import UnknownFormatError
from initcli.formats.detect import open_checkpoint
from initcli.formats.hdf5.dataset import Room
from initcli.formats.hdf5.unfiltered import fletcher32
from initcli.formats.storage.reading import open_shard
from refused import failures_of
from shell import Run
from stored_bytes import bytes_of

WHOLE = np.random.default_rng(0).normal(size=(11, 7, 5))
LAYOUTS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "compact": {"dcpl": "compact"},
    "chunked": {"chunks": (3, 4, 2)},
    "one chunk": {"chunks": (11, 7, 5), "compression": "gzip"},
    "a chunk larger than the whole": {"chunks": (20, 9, 9), "maxshape": (None,) * 3},
    "deflated": {"chunks": (3, 4, 2), "compression": "gzip"},
    "shuffled": {"chunks": (3, 4, 2), "shuffle": True},
    "checked": {"chunks": (3, 4, 2), "fletcher32": True},
    "all filters": {"chunks": (2, 7, 3), "compression": 9, "shuffle": True, "fletcher32": True},
}


def write(path: Path, array: NDArray[Any], version: str, settings: dict[str, Any]) -> None:
    settings = dict(settings)
    with h5py.File(path, "w", libver=version) as file:
        if settings.pop("dcpl", None):
            plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            plan.set_layout(h5py.h5d.COMPACT)
            space, kind = h5py.h5s.create_simple(array.shape), h5py.h5t.py_create(array.dtype)
            made = h5py.h5d.create(file.id, b"w", kind, space, plan)
            made.write(h5py.h5s.ALL, h5py.h5s.ALL, array)
        else:
            file.create_dataset("w", data=array, **settings)


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize("code", ["<f4", ">f8", "<i2"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_are_those_that_h5py_reads(
    layout: str, code: str, version: str, tmp_path: Path
) -> None:
    array = (WHOLE * 100).astype(code)
    write(tmp_path / "a.h5", array, version, LAYOUTS[layout])
    tensor = open_checkpoint(tmp_path / "a.h5").tensors["w"]
    assert tensor.spec.shape == array.shape
    assert bytes_of(tensor) == array.astype(array.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("chunks", [None, (2, 2)])
def test_what_was_never_written_has_the_fill_value(
    chunks: tuple[int, int] | None, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("w", (5, 4), "<f4", chunks=chunks, fillvalue=2.5)
        if chunks:
            made[2:4, 2:4] = 1
        expected = made[()].tobytes()
    assert bytes_of(open_checkpoint(tmp_path / "a.h5").tensors["w"]) == expected


def test_a_chunk_whose_filters_were_passed_over(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("w", (4, 4), "<i4", chunks=(2, 4), compression="gzip")
        made[:2] = 7
        made.id.write_direct_chunk((2, 0), np.arange(8, dtype="<i4").tobytes(), filter_mask=1)
    with h5py.File(tmp_path / "a.h5") as file:
        expected = file["w"][()].tobytes()
    assert bytes_of(open_checkpoint(tmp_path / "a.h5").tensors["w"]) == expected


@pytest.mark.parametrize("raw", [b"", b"a", b"ab", b"\xff" * 9, bytes(range(256)) * 3000])
def test_the_checksum_is_that_of_hdf5(raw: bytes, tmp_path: Path) -> None:
    if not raw:
        assert fletcher32(raw) == [0, 0]
        return
    with h5py.File(tmp_path / "a.h5", "w") as file:
        values = np.frombuffer(raw, np.uint8)
        made = file.create_dataset("w", data=values, chunks=values.shape, fletcher32=True)
        stored = made.id.read_direct_chunk((0,))[1]
    told = divmod(struct.unpack("<L", stored[-4:])[0], 1 << 16)
    assert [each % 65_535 for each in told[::-1]] == fletcher32(raw)


@pytest.mark.parametrize("layout", ["contiguous", "chunked", "all filters"])
@pytest.mark.parametrize("block", [512, 2048])
def test_a_block_of_the_users_own_may_come_first(block: int, layout: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=block) as file:
        file.create_dataset("w", data=WHOLE, **LAYOUTS[layout])
    assert bytes_of(open_checkpoint(tmp_path / "a.h5").tensors["w"]) == WHOLE.tobytes()


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("chunks", [(700, 500), (200, 1500), (4, 70_000)])
def test_large_chunks_hold_what_was_written(
    chunks: tuple[int, int], jobs: int, tmp_path: Path
) -> None:
    values = np.random.default_rng(0).integers(0, 9, (max(1500, chunks[0]), 1600)).astype("f4")
    values = values if chunks[1] < 1600 else values.reshape(15, -1)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("w", data=values, chunks=chunks, compression="gzip", shuffle=True)
    tensor = open_checkpoint(tmp_path / "a.h5").tensors["w"]
    expected, length = values.tobytes(), 1 << 20

    def holds(at: int) -> bool:
        buffer = bytearray(min(length, len(expected) - at))
        with open_shard(tensor.shard) as reader:
            reader.read(tensor.offset + at, memoryview(buffer))
        return buffer == expected[at : at + length]

    with ThreadPoolExecutor(jobs) as pool:
        assert all(pool.map(holds, range(0, len(expected), length)))


def test_so_many_values_in_headers_are_held_and_the_others_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, space = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5s.create_simple((1000,))
    plan.set_layout(h5py.h5d.COMPACT)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for number in range(4):
            made = h5py.h5d.create(file.id, b"w%d" % number, h5py.h5t.NATIVE_UINT8, space, plan)
            made.write(space, space, np.full(1000, number, np.uint8))
    monkeypatch.setattr(Room, "__init__", partialmethod(Room.__init__, left=2500))
    opened = open_checkpoint(tmp_path / "a.h5")
    assert {name: bytes_of(each)[0] for name, each in opened.tensors.items()} == {"w0": 0, "w1": 1}
    assert list(opened.unread) == ["w2", "w3"]


def test_bfloat16_is_known_by_what_keras_says_of_it(tmp_path: Path) -> None:
    values = np.arange(6).astype(ml_dtypes.bfloat16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("told", data=values).attrs["dtype"] = "bfloat16"
        file.create_dataset("untold", data=values)
    opened = open_checkpoint(tmp_path / "a.h5")
    assert opened.tensors["told"].spec.dtype.code == "BF16"
    assert bytes_of(opened.tensors["told"]) == values.tobytes()
    assert not opened.tensors["untold"].spec.dtype.is_decoded


@pytest.mark.parametrize("settings", [{"fletcher32": True}, {"compression": "gzip"}])
def test_a_damaged_chunk_is_noticed(settings: dict[str, Any], run: Run, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("w", data=WHOLE, chunks=(3, 4, 2), **settings)
        chunk = made.id.get_chunk_info(2)
    raw = bytearray((tmp_path / "a.h5").read_bytes())
    raw[chunk.byte_offset + chunk.size // 2] ^= 0x10
    (tmp_path / "a.h5").write_bytes(raw)
    done = run("stats", "a.h5")
    assert done.returncode == 2
    assert "E203" in done.stderr


def test_a_chunk_that_inflates_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    import zlib

    with h5py.File(tmp_path / "a.h5", "w") as file:
        made = file.create_dataset("w", (1000,), "f8", chunks=(1000,), compression="gzip")
        made.id.write_direct_chunk((0,), zlib.compress(bytes(1 << 28)))
    assert failures_of(tmp_path / "a.h5")


KERAS = """
import keras, numpy
layers = [keras.layers.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]
model = keras.Sequential(layers)
model.save("m.keras")
model.save_weights("m.weights.h5")
numpy.savez("reference.npz", *model.get_weights())
"""


def test_a_keras_model_is_read(run: Run, tmp_path: Path) -> None:
    settings = os.environ | {"KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", KERAS], cwd=tmp_path, env=settings, check=True)
    weights = open_checkpoint(tmp_path / "reference.npz").tensors.values()
    for name in ("m.keras", "m.weights.h5"):
        opened = open_checkpoint(tmp_path / name)
        ours, theirs = (
            sorted((each.spec.shape, bytes_of(each)) for each in tensors)
            for tensors in (opened.tensors.values(), weights)
        )
        assert ours == theirs
        assert run("stats", name, "--fail-on", "never").returncode == 0


def test_without_the_library_it_is_told_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.h5", WHOLE, "latest", {})
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.write(tmp_path / "a.h5", "model.weights.h5")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "initcli.formats.hdf5.reader.importlib.util.find_spec",
        lambda name, package=None: None if name == "h5py" else find(name, package),
    )
    for name, what in (("a.h5", "an HDF5 file"), ("a.keras", "a Keras archive")):
        with pytest.raises(UnknownFormatError, match=f"this is {what}") as caught:
            open_checkpoint(tmp_path / name)
        assert caught.value.hint == "pip install 'initcli[h5]'"
