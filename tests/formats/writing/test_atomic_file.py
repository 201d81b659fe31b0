"""A file appears whole under its name, or nothing changes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from initcli.core.errors import InitcliError, OutputError, WriteError
from initcli.formats.writing.atomic import atomic_file


def write(path: Path, content: bytes = b"new", *, overwrite: bool = False) -> None:
    with atomic_file(path, overwrite=overwrite) as file:
        file.write(content)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.safetensors"


@pytest.fixture
def umask_027() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_the_name_appears_only_when_the_block_has_ended(target: Path) -> None:
    with atomic_file(target, overwrite=False) as file:
        file.write(b"new")
        file.flush()
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert list(target.parent.iterdir()) == [target]


def fail_after_writing(file: BinaryIO, error: type[BaseException]) -> None:
    file.write(b"new")
    raise error("stop")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OutputError])
@pytest.mark.parametrize("exists", [False, True])
def test_whatever_is_raised_inside_leaves_everything_as_it_was(
    error: type[BaseException], exists: bool, target: Path
) -> None:
    if exists:
        target.write_bytes(b"old")
    with pytest.raises(error), atomic_file(target, overwrite=True) as file:
        fail_after_writing(file, error)
    left = {path.name: path.read_bytes() for path in target.parent.iterdir()}
    assert left == ({target.name: b"old"} if exists else {})


def test_a_full_disk_is_a_write_error_with_a_hint(target: Path) -> None:
    with pytest.raises(WriteError) as caught, atomic_file(target, overwrite=False):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (caught.value.message, caught.value.hint) == (
        "No space left on device",
        "free some space",
    )
    assert not list(target.parent.iterdir())


def test_an_existing_file_is_kept_without_leave(target: Path) -> None:
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already") as caught:
        write(target)
    assert target.read_bytes() == b"old"
    assert "--force" in caught.value.hint


def test_an_existing_file_is_replaced_with_leave(target: Path) -> None:
    target.write_bytes(b"old")
    write(target, overwrite=True)
    assert target.read_bytes() == b"new"


def test_a_name_taken_meanwhile_is_kept(target: Path) -> None:
    with (
        pytest.raises(OutputError, match="exists already"),
        atomic_file(target, overwrite=False),
    ):
        target.write_bytes(b"another's")
    assert target.read_bytes() == b"another's"
    assert list(target.parent.iterdir()) == [target]


def test_a_file_system_without_hard_links_is_served(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write(target)
    assert target.read_bytes() == b"new"
    with pytest.raises(OutputError, match="exists already"):
        write(target)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_dangling_symlink_is_a_taken_name(overwrite: bool, target: Path) -> None:
    target.symlink_to("nowhere")
    if overwrite:
        write(target, overwrite=True)
        assert target.read_bytes() == b"new"
        assert not target.is_symlink()
    else:
        with pytest.raises(OutputError, match="exists already"):
            write(target)
    assert list(target.parent.iterdir()) == [target]


def test_replacing_a_symlink_leaves_what_it_pointed_to(target: Path) -> None:
    kept = target.with_name("kept")
    kept.write_bytes(b"old")
    target.symlink_to(kept)
    write(target, overwrite=True)
    assert (kept.read_bytes(), target.read_bytes()) == (b"old", b"new")


@pytest.mark.usefixtures("umask_027")
def test_a_new_file_obeys_the_umask(target: Path) -> None:
    write(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.usefixtures("umask_027")
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_a_replaced_file_keeps_its_mode(mode: int, target: Path) -> None:
    target.touch()
    target.chmod(mode)
    write(target, overwrite=True)
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize(
    "name", ["a" * 255, "\N{GRINNING FACE}" * 63, ".hidden", "new\nline", "[red]"]
)
def test_every_name_the_system_takes_is_written(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("a" * 256, WriteError, "name too long"),
        ("absent/out", OutputError, "its directory does not exist"),
        ("file/out", OutputError, "its directory does not exist"),
        ("directory", OutputError, "no regular file"),
        ("fifo", OutputError, "no regular file"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_that_cannot_be_a_file_is_refused(
    name: str, error: type[InitcliError], message: str, overwrite: bool, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(error, match=message):
        write(tmp_path / name, overwrite=overwrite)
    assert len(list(tmp_path.iterdir())) == 3


def test_values_are_durable_before_the_name_is(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, link = os.fsync, os.link

    def note_sync(descriptor: int) -> None:
        is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("sync directory" if is_directory else "sync file")
        sync(descriptor)

    def note_link(source: Path, name: Path) -> None:
        steps.append("name")
        link(source, name)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "link", note_link)
    write(target)
    assert steps == ["sync file", "name", "sync directory"]
