"""A range is read to its last byte from the file that was opened, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from initcli.core.errors import InitcliError, MissingError, TruncatedError
from initcli.formats.safetensors import read_shard
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.formats.storage.reading import open_shard

RawFile = Callable[..., Path]
HEADER = '{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'


@pytest.fixture
def stored(raw_file: RawFile) -> StoredTensor:
    return read_shard(raw_file(HEADER, b"abcd"))[1]["w"]


def read(stored: StoredTensor, count: int = 4, skip: int = 0) -> bytes:
    buffer = bytearray(count)
    with open_shard(stored.shard) as reader:
        reader.read(stored.offset + skip, memoryview(buffer))
    return bytes(buffer)


def test_exactly_the_range_is_read(stored: StoredTensor) -> None:
    assert (read(stored), read(stored, 2, 1), read(stored, 0)) == (b"abcd", b"bc", b"")


def test_a_range_beyond_the_end_is_truncated(stored: StoredTensor) -> None:
    with pytest.raises(TruncatedError, match="ends before its data does"):
        read(stored, 5)


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"e")


def modify(path: Path) -> None:
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    # However coarse the file system's clock.
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def remove(path: Path) -> None:
    path.unlink()


def become_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def become_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def read_while(happens: Callable[[Path], None], stored: StoredTensor) -> None:
    with open_shard(stored.shard) as reader:
        reader.read(stored.offset, memoryview(bytearray(1)))
        happens(stored.shard.path)


@pytest.mark.parametrize("happens", [append, modify])
def test_a_file_that_changes_while_it_is_read_is_refused(
    happens: Callable[[Path], None], stored: StoredTensor
) -> None:
    with pytest.raises(TruncatedError, match="changed while it was being read"):
        read_while(happens, stored)


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (replace, TruncatedError),
        (truncate, TruncatedError),
        (append, TruncatedError),
        (modify, TruncatedError),
        (remove, MissingError),
        (become_a_fifo, MissingError),
        (become_a_directory, MissingError),
    ],
)
def test_a_file_that_is_no_longer_the_one_opened_is_refused(
    happens: Callable[[Path], None], error: type[InitcliError], stored: StoredTensor
) -> None:
    happens(stored.shard.path)
    with pytest.raises(error) as caught:
        read(stored)
    assert str(stored.shard.path) in caught.value.where


def test_a_file_that_shrinks_while_it_is_read_is_truncated(
    stored: StoredTensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = stored.shard.path.stat()

    def opened_just_before(path: Path) -> tuple[int, int, tuple[int, int, int]]:
        descriptor = os.open(path, os.O_RDONLY)
        os.truncate(path, stored.offset + 2)
        return descriptor, status.st_size, stored.shard.identity

    monkeypatch.setattr("initcli.formats.storage.reading.open_regular", opened_just_before)
    with pytest.raises(TruncatedError, match="ends before its data does"):
        read(stored)


def test_reading_leaves_no_file_open(stored: StoredTensor) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        read(stored)
    with pytest.raises(TruncatedError):
        read(stored, 5)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
