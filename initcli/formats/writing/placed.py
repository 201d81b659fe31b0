"""Writes bytes to their places in a file whose space was reserved, from any thread."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from initcli.formats.writing.file_layout import FileLayout, Patch

_UNSUPPORTED = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """An open file, to be written by one thread."""

    descriptor: int

    def write(self, offset: int, content: memoryview) -> None:
        """Writes every byte, however few the system takes at once.

        Args:
            offset: Where they begin, from the start of the file.
            content: Contiguous bytes.

        Raises:
            OSError: The system refused.
        """
        written = 0
        while written < len(content):
            written += _write_at(self.descriptor, content[written:], offset + written)


@contextmanager
def open_placed(path: Path) -> Iterator[PlacedFile]:
    """Opens a file that exists already.

    As for reading, a file is opened for each piece of work: workers need no lock between them,
    and no more files are open than there are workers, however many shards there are.

    Raises:
        OSError: The system refused.
    """
    descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    try:
        yield PlacedFile(descriptor)
    finally:
        os.close(descriptor)


def reserve(path: Path, layout: FileLayout) -> None:
    """Takes a file's whole space, and writes all of it but the tensors.

    A full disk is known at once: `posix_fallocate` takes the blocks. Where platform or file
    system has no such call the file only gets its length, and a full disk is told when it is met.

    Args:
        path: An empty file, or none yet.
        layout: What it will hold.

    Raises:
        OSError: The system refused.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        _allocate(descriptor, layout.size)
        os.truncate(descriptor, layout.size)
    finally:
        os.close(descriptor)
    patch(path, layout.frame)


def patch(path: Path, patches: Iterable[Patch]) -> None:
    """Writes what is no tensor's.

    Raises:
        OSError: The system refused.
    """
    with open_placed(path) as file:
        for each in patches:
            file.write(each.offset, memoryview(each.content))


def sync(path: Path) -> None:
    """Makes a file's content durable, whoever wrote it.

    Raises:
        OSError: The system refused.
    """
    with open_placed(path) as file:
        os.fsync(file.descriptor)


def _allocate(descriptor: int, size: int) -> None:
    if not size or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


def _pwrite(descriptor: int, content: memoryview, offset: int) -> int:
    return os.pwrite(descriptor, content, offset)


def seek_and_write(descriptor: int, content: memoryview, offset: int) -> int:
    """Writes at an offset where the platform has no `pwrite`: no other thread has this file.

    Returns:
        How many bytes the system took.
    """
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, content)


_write_at = _pwrite if hasattr(os, "pwrite") else seek_and_write
