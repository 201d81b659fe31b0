"""Opens NumPy's files: one array, or several in a zip archive; of values nothing is read.

Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import BinaryIO

from initcli.core.errors import InitcliError
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, some, visible
from initcli.formats.making.banded import Banded
from initcli.formats.making.shared import Board, Shared
from initcli.formats.making.strided import Strided, strides_of
from initcli.formats.npy.header import HEAD, NpyHeader, parse_npy_header
from initcli.formats.peek import Peek
from initcli.formats.storage.checkpoint import OpenedFile, StoredTensor
from initcli.formats.storage.defect import Defect, Tell, taking_note, unreadable
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.reading import Reader
from initcli.formats.storage.unread import UnreadError
from initcli.formats.zip.content import Content, content_of
from initcli.formats.zip.directory import Member, ZipDirectory
from initcli.formats.zip.inflated import States

_SUFFIX = ".npy"
# As much of a large array as a thread works on before it turns to another part.
_OWN_BAND = 16 << 20
_FEW_PASSES = 4


def read_npy(peek: Peek) -> OpenedFile:
    """Opens a file of one array, which is named as the file is without its ending.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError, TruncatedError: It breaks a rule of the format, or holds no numbers.
    """
    with peek.opened() as (file, shard):
        header = parse_npy_header(file.read(HEAD), shard.size, peek.where)
    space = AddressSpace(shard.size)
    offset, _ = _placed(header, header.length, space, Board())
    shard = replace(shard, extents=space.extents)
    spec = TensorSpec(peek.path.stem, header.dtype, header.shape)
    return OpenedFile(shard, {spec.name: StoredTensor(spec, shard, offset)})


def is_npz(peek: Peek) -> bool:
    """Whether a zip archive is one of NumPy arrays."""
    return any(name.endswith(_SUFFIX) for name in peek.archive.members)


def read_npz(peek: Peek) -> OpenedFile:
    """Opens an archive of arrays; what is wrong with single arrays is a defect.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError: The archive breaks a rule of its format.
    """
    defects: list[Defect] = []
    with peek.opened(buffering=0) as (file, shard):
        reader, space = Reader(shard, file.fileno()), AddressSpace(shard.size)
        opened = _Archive(peek.archive, file, reader, space)
        placed = opened.arrays(taking_note(defects))
    shard = replace(shard, extents=space.extents)
    tensors = {spec.name: StoredTensor(spec, shard, offset) for spec, offset in placed}
    notes = _notes([name for name in peek.archive.members if not name.endswith(_SUFFIX)])
    return OpenedFile(
        shard,
        tensors,
        notes=(*notes, *_slow(opened.slow)),
        defects=tuple(defects),
        unread=opened.unread,
    )


def _notes(others: list[str]) -> tuple[str, ...]:
    if not others:
        return ()
    shown = some([visible(name, 80) for name in others])
    return (f"not read: {plural(len(others), 'member')} without a NumPy array: {shown}",)


def _slow(arrays: list[str]) -> tuple[str, ...]:
    if not arrays:
        return ()
    return (f"deflated in Fortran order, and inflated again and again: {some(arrays)}",)


def _placed(header: NpyHeader, base: int, space: AddressSpace, board: Board) -> tuple[int, int]:
    """Returns the address of an array, and how often its stored values are read.

    Args:
        header: What the array says of itself.
        base: Where its values begin.
        space: Hands out addresses.
        board: Holds what is gathered for all threads.
    """
    if header.is_plain:
        return base, 1
    itemsize = header.dtype.itemsize
    strides = strides_of(header.shape, itemsize, is_fortran=header.is_fortran)
    maker = Strided(base, itemsize, header.shape, strides, header.swapped)
    size = TensorSpec("", header.dtype, header.shape).nbytes
    if not header.is_fortran or not size:
        return space.place(size, maker), 1
    shared = Shared(maker, size, size // header.shape[0], board)
    return space.place(size, Banded(shared, size, _OWN_BAND)), shared.passes


@dataclass(frozen=True, slots=True)
class _Archive:
    """An archive that is being read, and the addresses of what must be made of it.

    Attributes:
        directory: What the archive says it holds.
        file: It, open.
        reader: Likewise, by address.
        space: Hands out addresses.
        board: Holds for all threads what is gathered from columns.
        slow: What takes long to read.
        unread: What is not read, and why, by name.
    """

    directory: ZipDirectory
    file: BinaryIO
    reader: Reader
    space: AddressSpace
    board: Board = field(default_factory=Board)
    slow: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    def arrays(self, tell: Tell) -> list[tuple[TensorSpec, int]]:
        """Returns every array and its address."""
        states, found = States(), list[tuple[TensorSpec, int]]()
        for name, member in self.directory.members.items():
            if not name.endswith(_SUFFIX):
                continue
            try:
                found.append(self._array(self._content(member, states)))
            except UnreadError as error:
                self.unread[name.removesuffix(_SUFFIX)] = error.message
            except InitcliError as error:
                tell(unreadable(name.removesuffix(_SUFFIX), error))
        return found

    def _content(self, member: Member, states: States) -> Content:
        return content_of(self.directory, self.file, member, states)

    def _array(self, content: Content) -> tuple[TensorSpec, int]:
        head = content.head(self.reader, HEAD)
        header = parse_npy_header(head, content.member.size, content.where)
        base = content.checked(self.space, head[: header.length])
        spec = TensorSpec(content.member.name.removesuffix(_SUFFIX), header.dtype, header.shape)
        address, passes = _placed(header, base, self.space, self.board)
        if content.is_deflated and passes > _FEW_PASSES:
            self.slow.append(f"{visible(spec.name, 80)} ({passes:,} times)")
        return spec, address
