"""A file that begins with a pickle, read value by value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO

from initcli.core.errors import MalformedError
from initcli.core.text import plural
from initcli.formats.pytorch.pickles.machine import MEMORY, Machine
from initcli.formats.pytorch.pickles.opcodes import unpickle
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.storage.checkpoint import OpenedFile, Shard


@dataclass(frozen=True, slots=True)
class Pickled:
    """An open file.

    Attributes:
        file: It, at the next pickle.
        shard: What is known of it.
        where: The file, as messages name it.
    """

    file: BinaryIO
    shard: Shard
    where: str

    def unpickled(self, room: int = MEMORY) -> tuple[object, Machine]:
        """Returns what the next pickle says, and what read it.

        Args:
            room: Bytes that what is written down may take.

        Raises:
            MalformedError: It breaks a rule of the format.
        """
        try:
            return unpickle(self.file, room)
        except PickleFlawError as flaw:
            here = f"{self.where}, before byte {self.file.tell():,}"
            raise MalformedError(str(flaw), where=here) from flaw


def with_rest(opened: OpenedFile, left: int, behind: str) -> OpenedFile:
    """Says how much of a file was not looked at, if any was not."""
    note = f"{plural(left, 'byte')} behind the last {behind} not read"
    return replace(opened, notes=(*opened.notes, note)) if left else opened
