"""PyTorch's own file since version 1.6: a zip archive of a pickle and of storages.

Source: https://docs.pytorch.org/docs/2.13/notes/serialization.html
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from initcli.core.errors import MalformedError
from initcli.core.text import visible
from initcli.formats.checkpoint import OpenedFile, open_regular
from initcli.formats.peek import Peek
from initcli.formats.pytorch.assembling import Held, assembled
from initcli.formats.pytorch.machine import Machine
from initcli.formats.pytorch.opcodes import unpickle
from initcli.formats.pytorch.placing import Place, Placing
from initcli.formats.pytorch.records import PickleFlawError
from initcli.formats.pytorch.storages import Storage
from initcli.formats.zip_directory import STORED, Member, ZipDirectory

_PICKLE = "/data.pkl"
_LARGEST_PICKLE = 1 << 30
_CHUNK = 1 << 20
_ORDERS = {b"little": False, b"big": True}


def is_archive(peek: Peek) -> bool:
    """Whether a file is a zip archive such as PyTorch writes."""
    return peek.is_zip and any(map(_is_pickle, peek.archive.members))


def _is_pickle(name: str) -> bool:
    return name.endswith(_PICKLE) and name.count("/") == 1


def read_archive(peek: Peek) -> OpenedFile:
    """Opens a file that `torch.save` or `torch.jit.save` wrote.

    The pickle's checksum is checked; those of storages are not, of which only ranges are read.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError: Archive or pickle break a rule, or a tensor is not in its storage.
    """
    roots = [name.removesuffix(_PICKLE) for name in peek.archive.members if _is_pickle(name)]
    if len(roots) > 1:
        raise MalformedError("two pickles in one archive", where=peek.where)
    descriptor, size, identity = open_regular(peek.path)
    with os.fdopen(descriptor, "rb", buffering=0) as raw:
        archive = _Archive(raw, peek.archive, roots[0])
        is_swapped = archive.is_big_endian()
        root, machine = archive.unpickled()
        placing = Placing(size, archive.place_of, is_swapped)
        return assembled(Held(peek.path, identity, root, machine, placing))


@dataclass(frozen=True, slots=True)
class _Archive:
    """An open archive, and the name that all its members begin with."""

    file: BinaryIO
    directory: ZipDirectory
    root: str

    def is_big_endian(self) -> bool:
        member = self.directory.members.get(f"{self.root}/byteorder")
        if member is None:
            return False
        told = _ORDERS.get(self._small(member))
        if told is None:
            self.directory.refuse("is neither little nor big", member)
        return told

    def _small(self, member: Member) -> bytes:
        longest = max(map(len, _ORDERS))
        if member.size > longest:
            return b""
        self.file.seek(self._begin(member))
        return self.file.read(member.size)

    def unpickled(self) -> tuple[object, Machine]:
        member = self.directory.members[f"{self.root}{_PICKLE}"]
        if member.size > _LARGEST_PICKLE:
            self.directory.refuse(f"has {member.size:,} bytes", member)
        begin = self._begin(member)
        self._check(member, begin)
        self.file.seek(begin)
        with os.fdopen(os.dup(self.file.fileno()), "rb") as pickled:
            try:
                root, machine = unpickle(pickled)
            except PickleFlawError as flaw:
                where = f"{self.directory.where}, {visible(member.name, 80)}"
                raise MalformedError(str(flaw), where=where) from flaw
            if pickled.tell() > begin + member.size:
                self.directory.refuse("holds a pickle that does not end in it", member)
        return root, machine

    def _check(self, member: Member, begin: int) -> None:
        """Holds the pickle against its checksum, unless it was written without."""
        self.file.seek(begin)
        crc, left = 0, member.size
        while left and (chunk := self.file.read(min(left, _CHUNK))):
            crc = zlib.crc32(chunk, crc)
            left -= len(chunk)
        if left or (member.crc and crc != member.crc):
            self.directory.refuse("is damaged: its checksum is another", member)

    def place_of(self, storage: Storage) -> Place:
        """Returns where a storage lies; see `Placing`."""
        member = self.directory.members.get(f"{self.root}/data/{storage.key}")
        if member is None:
            raise PickleFlawError(f"its storage {visible(storage.key, 40)} is not in the archive")
        size = storage.whole * storage.dtype.itemsize
        if not 0 <= member.size - size < storage.dtype.itemsize:
            flaw = f"its storage of {size:,} bytes has {member.size:,} in the archive"
            raise PickleFlawError(flaw)
        return storage.part_of(self._begin(member))

    def _begin(self, member: Member) -> int:
        if member.method != STORED:
            self.directory.refuse("is compressed, as PyTorch leaves none", member)
        return self.directory.begin(self.file, member)
