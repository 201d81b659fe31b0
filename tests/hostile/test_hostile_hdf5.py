"""Hostile HDF5 files: each is refused or read in little time and memory."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from attacked import failures_of


@pytest.fixture(params=["earliest", "latest"])
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    path = tmp_path / "sound.h5"
    with h5py.File(path, "w", libver=request.param) as file:
        file["layers/vars/0"] = np.arange(12, dtype="f4").reshape(3, 4)
        settings = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        file.create_dataset("w", data=np.arange(60.0).reshape(6, 10), chunks=(3, 7), **settings)
    return path.read_bytes()


def test_every_truncation_is_refused(sound: bytes, tmp_path: Path) -> None:
    for length in {*range(0, len(sound), 61), len(sound) - 1}:
        (tmp_path / "a").write_bytes(sound[:length])
        assert failures_of(tmp_path / "a", hashes=False), length


@pytest.mark.parametrize("value", [2**31, 2**32, 2**63, 2**64 - 1])
def test_a_number_of_any_size_is_refused_or_read(value: int, sound: bytes, tmp_path: Path) -> None:
    for at in range(0, len(sound) - 8, 8):
        if any(sound[at : at + 8]):
            broken = bytearray(sound)
            struct.pack_into("<Q", broken, at, value)
            (tmp_path / "a").write_bytes(broken)
            failures_of(tmp_path / "a", hashes=False)


def test_a_changed_byte_is_refused_or_read(sound: bytes, tmp_path: Path) -> None:
    for at in range(0, len(sound), 7):
        broken = bytearray(sound)
        broken[at] ^= 0xFF
        (tmp_path / "a").write_bytes(broken)
        failures_of(tmp_path / "a", hashes=False)


def test_groups_within_themselves_and_very_deep_ones(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a", "w") as file:
        file["w"] = np.ones(3)
        file["up"] = file["/"]
        group = file
        for _ in range(3000):
            group = group.create_group("d")
    (failure,) = failures_of(tmp_path / "a")
    assert failure.code == "E203"


def test_a_huge_shape_is_told_and_costs_nothing(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a", "w") as file:
        file.create_dataset("w", (2**40, 2**20), "f4", chunks=(1024, 1024))
        file["v"] = np.ones(3)
    assert failures_of(tmp_path / "a")
