"""The first look at a file, by which its format is known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from initcli.core.errors import TruncatedError
from initcli.core.text import visible
from initcli.formats.storage.checkpoint import Shard, open_regular
from initcli.formats.zip.directory import SIGNATURE, ZipDirectory, read_directory

_HEAD = 64


@dataclass(frozen=True)
class Peek:
    """A file, and what is seen of it at once.

    Attributes:
        path: Where it lies.
        head: Its first bytes.
        size: How many it has.
        identity: By which a change is noticed.
    """

    path: Path
    head: bytes
    size: int
    identity: tuple[int, int, int]

    @property
    def where(self) -> str:
        """The file, as messages name it."""
        return visible(str(self.path), 300)

    @property
    def is_zip(self) -> bool:
        """Whether it begins as a zip archive does."""
        return self.head.startswith(SIGNATURE)

    @cached_property
    def archive(self) -> ZipDirectory:
        """What a zip archive says it holds.

        Raises:
            MissingError: It cannot be opened.
            MalformedError: The directory breaks a rule of the format.
        """
        with self.opened(buffering=0) as (file, shard):
            return read_directory(file, shard.size, self.where)

    @contextmanager
    def opened(self, *, buffering: int = -1) -> Iterator[tuple[BinaryIO, Shard]]:
        """Opens the file that was looked at, to read on in it.

        Raises:
            MissingError: It cannot be opened.
            TruncatedError: It is no longer the same.
        """
        descriptor, size, identity = open_regular(self.path)
        with os.fdopen(descriptor, "rb", buffering) as file:
            if (size, identity) != (self.size, self.identity):
                message = "the file changed while it was being read"
                raise TruncatedError(message, where=self.where)
            yield file, Shard(self.path, size, identity)


def peek_at(path: Path) -> Peek:
    """Looks at a file.

    Raises:
        MissingError: It cannot be opened, or is no regular file.
    """
    descriptor, size, identity = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        return Peek(path, file.read(_HEAD), size, identity)
