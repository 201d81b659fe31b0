"""The first look at a file, by which its format is known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from initcli.core.text import visible
from initcli.formats.storage.checkpoint import open_regular
from initcli.formats.zip.directory import SIGNATURE, ZipDirectory, read_directory

_HEAD = 64


@dataclass(frozen=True)
class Peek:
    """A file, and what is seen of it at once.

    Attributes:
        path: Where it lies.
        head: Its first bytes.
        size: How many it has.
    """

    path: Path
    head: bytes
    size: int

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
        descriptor, size, _ = open_regular(self.path)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            return read_directory(file, size, self.where)


def peek_at(path: Path) -> Peek:
    """Looks at a file.

    Raises:
        MissingError: It cannot be opened, or is no regular file.
    """
    descriptor, size, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        return Peek(path, file.read(_HEAD), size)
