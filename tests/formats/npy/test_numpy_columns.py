"""Arrays in Fortran order are read a few times at most, and held against their checksums."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from initcli.formats.detect import open_checkpoint
from initcli.formats.making import shared
from initcli.formats.making.shared import WIDEST
from initcli.formats.npy import reader
from initcli.formats.storage.extents import Addressed
from initcli.formats.storage.reading import open_shard
from initcli.formats.zip import inflated
from initcli.formats.zip.inflated import Inflated
from shell import Run
from stored_bytes import row_major


@pytest.mark.parametrize("order", ["C", "F"])
def test_threads_that_read_apart_get_the_same_bytes(
    order: Literal["C", "F"], tmp_path: Path
) -> None:
    array = np.random.default_rng(0).integers(0, 9, (1500, 7000)).astype("f8", order=order)
    assert array.nbytes > WIDEST
    np.savez_compressed(tmp_path / "a.npz", w=array)
    tensor = open_checkpoint(tmp_path / "a.npz").tensors["w"]
    expected, length = row_major(array), 1 << 20

    def holds(at: int) -> bool:
        buffer = bytearray(min(length, len(expected) - at))
        with open_shard(tensor.shard) as reader:
            reader.read(tensor.offset + at, memoryview(buffer))
        return buffer == expected[at : at + length]

    starts = list(range(0, len(expected), length))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(holds, [*starts[::-1], *starts, *starts[::3]]))


ORDERS: dict[str, tuple[str, tuple[int, int], str]] = {
    "C": ("C", (700, 900), "<f4"),
    "Fortran, apart by less than is read in one go": ("F", (700, 900), "<f4"),
    "Fortran, apart by more": ("F", (6000, 120), "<f4"),
    "Fortran, few columns": ("F", (300_000, 3), "<f4"),
    "Fortran, big-endian": ("F", (6000, 120), ">f4"),
}


@pytest.mark.parametrize("jobs", ["1", "4"])
@pytest.mark.parametrize("place", [0, 0.5, 1])
@pytest.mark.parametrize("case", ORDERS)
def test_a_flipped_bit_is_noticed_in_any_order(
    case: str, place: float, jobs: str, run: Run, tmp_path: Path
) -> None:
    order, shape, dtype = ORDERS[case]
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    np.savez(tmp_path / "a.npz", w=np.array(array, order=order))  # type: ignore[arg-type]
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    first = raw.index(b"\n", raw.index(b"\x93NUMPY")) + 1
    raw[first + int(place * (array.nbytes - 1))] ^= 1
    assert run("stats", "a.npz", "--jobs", jobs).returncode == 0
    (tmp_path / "a.npz").write_bytes(raw)
    done = run("stats", "a.npz", "--jobs", jobs)
    assert done.returncode == 2
    assert "does not have the checksum that the archive tells" in done.stderr


@pytest.mark.parametrize("jobs", [1, 3, 8])
def test_columns_that_are_deflated_are_inflated_a_few_times_only(
    jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.asfortranarray(np.arange(600_000, dtype="<f4").reshape(600, 1000))
    np.savez_compressed(tmp_path / "a.npz", w=array)
    monkeypatch.setattr(shared, "WIDEST", 700_000)
    monkeypatch.setattr(reader, "_OWN_BAND", 200_000)
    passed, inflate = list[int](), inflated.Inflated.read

    def counted(self: Inflated, held: Addressed, at: int, buffer: memoryview) -> None:
        passed.append(len(buffer))
        inflate(self, held, at, buffer)

    monkeypatch.setattr(inflated.Inflated, "read", counted)
    opened = open_checkpoint(tmp_path / "a.npz")
    tensor = opened.tensors["w"]

    def holds(at: int) -> bool:
        buffer = bytearray(min(200_000, array.nbytes - at))
        with open_shard(tensor.shard) as held:
            held.read(tensor.offset + at, memoryview(buffer))
        return buffer == row_major(array)[at : at + 200_000]

    with ThreadPoolExecutor(jobs) as pool:
        assert all(pool.map(holds, range(0, array.nbytes, 200_000)))
    assert sum(passed) < 6 * array.nbytes  # 4 bands, and 12 stretches that are read
    assert opened.notes == ()
    monkeypatch.setattr(shared, "WIDEST", 400_000)
    words = "deflated in Fortran order, and inflated again and again: w (6 times)"
    assert open_checkpoint(tmp_path / "a.npz").notes == (words,)
