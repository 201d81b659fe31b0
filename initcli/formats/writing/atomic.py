"""A file appears whole under its name, or not at all.

Order: hidden file beside the target, write, fsync, link or rename, fsync the directory.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from initcli.core.errors import OutputError, WriteError
from initcli.core.text import visible
from initcli.formats.writing.leftovers import hidden_place


@contextmanager
def atomic_path(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yields an empty file that takes its name only when the block ends well.

    A new file's mode follows the umask, a replaced one's stays; until then only the owner reads.

    Args:
        path: The final name.
        overwrite: Whether a file of that name may be replaced.

    Raises:
        OutputError: The name is taken, or the directory is absent.
        WriteError: The system refused a write (disk full, read-only …).
    """
    refuse_taken(path, overwrite=overwrite)
    with told_as_write_error(path):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        create = partial(_create, mode=0o666 if mode is None else 0o600)
        with hidden_place(path.parent, path.name, create) as temporary:
            yield temporary
            if mode is not None:
                temporary.chmod(mode)
            _publish(temporary, path, overwrite=overwrite)


@contextmanager
def atomic_file(path: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Yields an open file that takes its name, durably, only when the block ends well.

    Raises:
        OutputError, WriteError: As by `atomic_path`.
    """
    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        told_as_write_error(path),
        temporary.open("r+b") as file,
    ):
        yield file
        file.flush()
        os.fsync(file.fileno())


def _create(path: Path, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    os.close(os.open(path, flags, mode))


def refuse_taken(path: Path, *, overwrite: bool) -> None:
    """Refuses a final name that cannot or must not be written.

    Raises:
        OutputError: The directory is absent, the name is taken, or it is no regular file.
        WriteError: The system accepts no such name.
    """
    where = visible(str(path), 300)
    with told_as_write_error(path):
        if not path.parent.is_dir():
            raise OutputError("its directory does not exist", where=where)
        if path.exists() and not path.is_file():
            raise OutputError("exists and is no regular file", where=where)
        # A symlink to nowhere does not "exist", and yet its name is taken.
        if (path.exists() or path.is_symlink()) and not overwrite:
            raise _taken(path)


def _taken(path: Path) -> OutputError:
    where = visible(str(path), 300)
    return OutputError("exists already", where=where, hint="give --force to replace it")


@contextmanager
def told_as_write_error(path: Path) -> Iterator[None]:
    """Tells what the system refuses within the block.

    Raises:
        WriteError: The system refused.
    """
    try:
        yield
    except OSError as error:
        hint = "free some space" if error.errno == errno.ENOSPC else ""
        message = error.strerror or "the system refused"
        raise WriteError(message, where=visible(str(path), 300), hint=hint) from error


def _publish(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(path)
    else:
        _publish_new(temporary, path)
    sync_directory(path.parent)


def _publish_new(temporary: Path, path: Path) -> None:
    """Links, which fails if another writer took the name since it was found free."""
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:  # a file system without hard links
        refuse_taken(path, overwrite=False)
        temporary.replace(path)


def sync_directory(directory: Path) -> None:
    """Makes the new name itself durable, where the platform can open a directory."""
    with suppress(PermissionError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
