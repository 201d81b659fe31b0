"""A file that shrinks or is replaced while it is read gives an error, and no numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from initcli.core.errors import TruncatedError
from initcli.engine import plan
from initcli.formats.storage.reading import Reader

Change = Callable[[Path], None]
Read = Callable[[Reader, int, memoryview], None]
SEGMENT = 4096
JOBS = pytest.mark.parametrize("jobs", [1, 3])
READS = pytest.mark.parametrize("reads", [1, 2, 7, 30])


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def replace(path: Path) -> None:
    other = path.with_suffix(".other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


CHANGES = pytest.mark.parametrize("change", [shrink, replace])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty segments of four chunks each."""
    monkeypatch.setattr(plan, "CHUNK_BYTES", SEGMENT // 4)
    monkeypatch.setattr(plan, "SEGMENT_BYTES", SEGMENT)
    values = np.random.default_rng(0).normal(size=(40, 256)).astype(np.float32)
    save_file({"w": values, "x": values + 1}, tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def change_after(
    reads: int, path: Path, change: Change, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Changes a file once so many reads are done; returns the offsets of all."""
    original: Read = Reader.read
    done: list[int] = []

    def read(reader: Reader, offset: int, buffer: memoryview) -> None:
        original(reader, offset, buffer)
        done.append(offset)
        if len(done) == reads:
            change(path)

    monkeypatch.setattr(Reader, "read", read)
    return done


@JOBS
@READS
@CHANGES
def test_statistics_end_with_an_error(
    path: Path, jobs: int, reads: int, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = change_after(reads, path, change, monkeypatch)
    with pytest.raises(TruncatedError) as caught:
        initcli.stats(path, jobs=jobs, rows=True, hashes=True)
    assert path.name in caught.value.where
    assert reads <= len(done) < 80


@JOBS
@READS
@CHANGES
@pytest.mark.parametrize("side", [0, 1])
def test_comparisons_end_with_an_error(
    path: Path,
    jobs: int,
    reads: int,
    change: Change,
    side: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path / "other" / "v.safetensors"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    changed = (path, other)[side]
    change_after(reads, changed, change, monkeypatch)
    with pytest.raises(TruncatedError) as caught:
        initcli.compare(path, other, jobs=jobs)
    assert changed.name in caught.value.where


def test_spectra_end_with_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_after(81, path, shrink, monkeypatch)  # when all has been read once
    with pytest.raises(TruncatedError):
        initcli.stats(path, spectrum=True)


def test_a_file_that_is_left_alone_is_read_once_to_its_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = change_after(0, path, shrink, monkeypatch)
    assert initcli.stats(path, jobs=3, rows=True, hashes=True).passed
    assert len(done) == 80
    assert sorted(done) == sorted(set(done))
