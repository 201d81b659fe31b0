"""Bytes reach their places, in however few at once and on whatever platform."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from initcli.formats.writing import placed
from initcli.formats.writing.file_layout import FileLayout, Patch
from initcli.formats.writing.placed import open_placed, reserve

LAYOUT = FileLayout(10, (), (Patch(0, b"head"), Patch(8, b"ed")))


def fill(path: Path) -> bytes:
    reserve(path, LAYOUT)
    with open_placed(path) as file:
        file.write(6, memoryview(b"cd"))
        file.write(4, memoryview(b"ab"))
    return path.read_bytes()


def test_what_is_not_written_is_zero_and_the_size_is_the_layouts(tmp_path: Path) -> None:
    reserve(tmp_path / "w", LAYOUT)
    assert (tmp_path / "w").read_bytes() == b"head\0\0\0\0ed"


def test_space_is_taken_at_once(tmp_path: Path) -> None:
    reserve(tmp_path / "w", FileLayout(1 << 20, (), ()))
    assert 512 * (tmp_path / "w").stat().st_blocks >= 1 << 20


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite

    def short(descriptor: int, content: memoryview, offset: int) -> int:
        return whole(descriptor, content[:1], offset)

    monkeypatch.setattr(os, "pwrite", short)
    assert fill(tmp_path / "w") == b"headabcded"


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_a_file_system_that_reserves_nothing_is_served(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    assert fill(tmp_path / "w") == b"headabcded"


def test_a_platform_that_reserves_nothing_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    assert fill(tmp_path / "w") == b"headabcded"


def test_a_full_disk_is_not_taken_for_a_missing_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(OSError, match="No space left"):
        reserve(tmp_path / "w", LAYOUT)


def test_a_platform_without_positioned_writes_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "_write_at", placed.seek_and_write)
    assert fill(tmp_path / "w") == b"headabcded"
