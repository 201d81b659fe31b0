"""PyTorch's own file since version 1.6: a zip archive of a pickle and of storages.

Source: https://docs.pytorch.org/docs/2.13/notes/serialization.html
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from initcli.core.errors import MalformedError
from initcli.core.text import plural, some, visible
from initcli.formats.peek import Peek
from initcli.formats.pytorch.assembling import Held, assembled
from initcli.formats.pytorch.pickles.machine import MEMORY, Machine
from initcli.formats.pytorch.pickles.opcodes import unpickle
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.placing import Place, Placing
from initcli.formats.pytorch.tensors.storages import Storage
from initcli.formats.storage.checkpoint import OpenedFile, Shard
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.reading import Reader
from initcli.formats.storage.window import Window
from initcli.formats.zip.content import Content, content_of
from initcli.formats.zip.directory import STORED, Member, ZipDirectory
from initcli.formats.zip.inflated import States

_PICKLE = "/data.pkl"
_CONSTANTS = "/constants.pkl"
_LARGEST_PICKLE = 1 << 30
_LARGEST_DEFLATED = 1 << 28
_CHUNK = 1 << 20
_ORDERS = {b"little": False, b"big": True}


def is_archive(peek: Peek) -> bool:
    """Whether a file is a zip archive such as PyTorch writes."""
    return peek.is_zip and any(map(_is_pickle, peek.archive.members))


def _is_pickle(name: str) -> bool:
    return name.endswith(_PICKLE) and name.count("/") == 1


def read_archive(peek: Peek) -> OpenedFile:
    """Opens a file that `torch.save` or `torch.jit.save` wrote.

    The pickle is held against its checksum at once, a storage when all of it has been read.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError: Archive or pickle break a rule, or a tensor is not in its storage.
    """
    roots = [name.removesuffix(_PICKLE) for name in peek.archive.members if _is_pickle(name)]
    if len(roots) > 1:
        raise MalformedError("two pickles in one archive", where=peek.where)
    with peek.opened(buffering=0) as (raw, shard):
        archive = _Archive(shard, raw, peek.archive, roots[0])
        is_swapped = archive.is_big_endian()
        root, machine, begin = archive.unpickled(_PICKLE)
        constants = archive.constants(machine)
        placing = Placing(shard.size, archive.place_of, archive.space, is_swapped, begin)
        opened = assembled(Held(shard.path, shard.identity, root, machine, placing, constants))
        notes = tuple(archive.notes())
        if notes and not (opened.tensors or opened.optimizer or opened.unread):
            return replace(opened, unread=dict.fromkeys([""], "; ".join(notes)))
        return replace(opened, notes=(*opened.notes, *notes))


class _Archive:
    """An open archive.

    Args:
        shard: The file.
        file: It, open for reading.
        directory: What it says it holds.
        root: What the names of all its members begin with.

    Attributes:
        space: What is made of it.
    """

    def __init__(self, shard: Shard, file: BinaryIO, directory: ZipDirectory, root: str) -> None:
        self.space = AddressSpace(shard.size)
        self._shard = shard
        self._file = file
        self._directory = directory
        self._root = root
        self._states = States()
        self._begins: dict[str, int] = {}
        self._behind: list[str] = []

    def is_big_endian(self) -> bool:
        """Whether storages are."""
        member = self._directory.members.get(f"{self._root}/byteorder")
        if member is None:
            return False
        longest = max(map(len, _ORDERS))
        told = _ORDERS.get(self._window(member).read(longest + 1))
        if told is None:
            self._directory.refuse("is neither little nor big", member)
        return told

    def constants(self, first: Machine) -> object:
        """Returns what a compiled model's second pickle says; of other files nothing.

        Args:
            first: What read the first pickle, to which names of code are added, and whose memory
                the two share.
        """
        if f"{self._root}{_CONSTANTS}" not in self._directory.members:
            return None
        root, machine, _ = self.unpickled(_CONSTANTS, first.room)
        first.globals.update(machine.globals)
        for each in machine.outside:
            each.folder = "constants"
        return root

    def notes(self) -> Iterator[str]:
        """Yields what nothing that was read speaks of."""
        yield from self._behind
        folders = tuple(f"{self._root}/{folder}/" for folder in ("data", "constants"))
        names = self._directory.members.keys() - self._begins.keys()
        if idle := sorted(name for name in names if name.startswith(folders)):
            shown = some([visible(name, 60) for name in idle])
            yield f"not read: {plural(len(idle), 'storage')} of no tensor that is shown: {shown}"

    def unpickled(self, name: str, room: int = MEMORY) -> tuple[object, Machine, int]:
        """Returns what a pickle says, what read it, and the address of its first byte."""
        member = self._directory.members[f"{self._root}{name}"]
        if member.size > (_LARGEST_PICKLE if member.method == STORED else _LARGEST_DEFLATED):
            self._directory.refuse(f"has {member.size:,} bytes", member)
        window = self._window(member)
        while window.read(_CHUNK):  # and so hold it against its checksum
            pass
        window.seek(0)
        pickled = io.BufferedReader(window, _CHUNK)
        try:
            root, machine = unpickle(pickled, room)
        except PickleFlawError as flaw:
            where = f"{self._directory.where}, {visible(member.name, 80)}"
            raise MalformedError(str(flaw), where=where) from flaw
        if left := member.size - pickled.tell():
            behind = f"{plural(left, 'byte')} behind the pickle in {visible(member.name, 60)}"
            self._behind.append(f"not read: {behind}")
        return root, machine, self._begin(member)

    def place_of(self, storage: Storage) -> Place:
        """Returns where a storage lies; see `Placing`."""
        member = self._directory.members.get(f"{self._root}/{storage.folder}/{storage.key}")
        if member is None:
            raise PickleFlawError(f"its storage {visible(storage.key, 40)} is not in the archive")
        size = storage.whole * storage.dtype.itemsize
        if not 0 <= member.size - size < storage.dtype.itemsize:
            flaw = f"its storage of {size:,} bytes has {member.size:,} in the archive"
            raise PickleFlawError(flaw)
        return storage.part_of(self._begin(member))

    def _window(self, member: Member) -> Window:
        begin = self._begin(member)
        shard = replace(self._shard, extents=self.space.extents)
        return Window(Reader(shard, self._file.fileno()), begin, member.size)

    def _begin(self, member: Member) -> int:
        """Returns the address of a member, whose reader is told if its checksum is wrong."""
        if member.name not in self._begins:
            content = self._content(member)
            has_checksum = member.crc or content.is_deflated
            begin = content.checked(self.space, b"") if has_checksum else content.begin
            self._begins[member.name] = begin
        return self._begins[member.name]

    def _content(self, member: Member) -> Content:
        return content_of(self._directory, self._file, member, self._states)
