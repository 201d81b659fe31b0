"""Opens NumPy's files: one array, or several in a zip archive; of values nothing is read.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from initcli.core.errors import InitcliError, MalformedError
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, some, visible
from initcli.formats.banded import Banded
from initcli.formats.checkpoint import Checkpoint, Shard, StoredTensor, open_regular
from initcli.formats.checksummed import Checksummed
from initcli.formats.crc32 import Crc32
from initcli.formats.defect import Defect, Flaw, Tell, refuse, taking_note
from initcli.formats.extents import AddressSpace
from initcli.formats.inflated import Inflated, States
from initcli.formats.npy_header import HEAD, MAGIC, NpyHeader, parse_npy_header
from initcli.formats.reading import Reader
from initcli.formats.strided import Strided
from initcli.formats.zip_directory import DEFLATED, ZipMember, read_directory

_SUFFIX = ".npy"


def read_npy(path: Path) -> Checkpoint:
    """Opens a file of one array, which is named as the file is without its ending.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError, TruncatedError: It breaks a rule of the format, or holds no numbers.
    """
    where = visible(str(path), 300)
    descriptor, size, identity = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        header = parse_npy_header(file.read(HEAD), size, where)
    space = AddressSpace(size)
    offset = _placed(header, header.length, space)
    shard = Shard(path, size, identity, extents=space.extents)
    spec = TensorSpec(path.stem, header.dtype, header.shape)
    return Checkpoint(path, (shard,), {spec.name: StoredTensor(spec, shard, offset)})


def is_npz(path: Path) -> bool:
    """Whether a zip archive is one of NumPy arrays.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError, TruncatedError: It breaks a rule of zip archives.
    """
    descriptor, size, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        members = read_directory(file, size, visible(str(path), 300))
    return any(name.endswith(_SUFFIX) for name in members)


def read_npz(path: Path, *, lenient: bool = False) -> Checkpoint:
    """Opens an archive of arrays.

    Args:
        path: The archive.
        lenient: Whether to open what is sound, and to list as defects what is not.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError, TruncatedError: It breaks a rule of its format, or an array does; a
            lenient reader is told of arrays only where no other is left.
    """
    where = visible(str(path), 300)
    descriptor, size, identity = open_regular(path)
    defects: list[Defect] = []
    with os.fdopen(descriptor, "rb") as file:
        members = read_directory(file, size, where)
        opened = _Opened(Reader(Shard(path, size, identity), descriptor), AddressSpace(size))
        placed = opened.arrays(members, taking_note(defects) if lenient else refuse)
    if defects and not placed:
        refuse(defects[0])
    shard = Shard(path, size, identity, extents=opened.space.extents)
    tensors = {spec.name: StoredTensor(spec, shard, offset) for spec, offset in placed}
    notes = _notes([name for name in members if not name.endswith(_SUFFIX)])
    return Checkpoint(path, (shard,), tensors, notes=notes, defects=tuple(defects))


def _notes(others: list[str]) -> tuple[str, ...]:
    if not others:
        return ()
    shown = some([visible(name, 80) for name in others])
    return (f"not read: {plural(len(others), 'member')} without a NumPy array: {shown}",)


def _placed(header: NpyHeader, base: int, space: AddressSpace) -> int:
    """Returns the address of an array whose stored values begin at an address."""
    if header.is_plain:
        return base
    maker = Strided(base, header.dtype.itemsize, header.shape, header.strides, header.swapped)
    size = TensorSpec("", header.dtype, header.shape).nbytes
    return space.place(size, Banded(maker, size) if header.is_fortran else maker)


@dataclass(frozen=True, slots=True)
class _Opened:
    """An archive that is being read, and the addresses of what must be made of it."""

    reader: Reader
    space: AddressSpace

    def arrays(self, members: Mapping[str, ZipMember], tell: Tell) -> list[tuple[TensorSpec, int]]:
        """Returns every array and its address."""
        states, found = States(), list[tuple[TensorSpec, int]]()
        for name, member in members.items():
            if not name.endswith(_SUFFIX):
                continue
            where = f"{visible(str(self.reader.shard.path), 300)}, member {visible(name, 80)}"
            try:
                found.append(self._array(member, where, states))
            except InitcliError as error:
                tell(_defect(name, error))
        return found

    def _array(self, member: ZipMember, where: str, states: States) -> tuple[TensorSpec, int]:
        head = self._head(member, where)
        header = parse_npy_header(head, member.size, where)
        size = member.size - header.length
        if member.method == DEFLATED:
            content = self.space.place(member.size, Inflated(member, where, states))
            base = content + header.length
        else:
            told = Crc32().updated(memoryview(head)[: header.length])
            start = member.offset + header.length
            base = self.space.place(size, Checksummed(start, told, size, member.crc, where))
        spec = TensorSpec(member.name.removesuffix(_SUFFIX), header.dtype, header.shape)
        return spec, _placed(header, base, self.space)

    def _head(self, member: ZipMember, where: str) -> bytes:
        head = bytearray(min(HEAD, member.size))
        if member.method == DEFLATED:
            Inflated(member, where, States()).read(self.reader, 0, memoryview(head))
        else:
            self.reader.read(member.offset, memoryview(head))
        if not head.startswith(MAGIC):
            raise MalformedError("a member called .npy is no NumPy array", where=where)
        return bytes(head)


def _defect(name: str, error: InitcliError) -> Defect:
    tensor = name.removesuffix(_SUFFIX)
    return Defect(Flaw.UNREADABLE, error, f"{error.message}; not read", tensor=tensor)
