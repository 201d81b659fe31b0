"""Opens HDF5 files, such as Keras writes, alone or within a .keras archive.

The h5py library tells where values lie; they are read, as those of any format, by range. Source: https://docs.h5py.org/en/stable/
"""

from __future__ import annotations

import importlib.util
import io
from dataclasses import replace
from typing import BinaryIO

from initcli.core.errors import MalformedError, UnknownFormatError
from initcli.core.text import some, visible
from initcli.formats.hdf5.dataset import Room
from initcli.formats.hdf5.walk import Walk
from initcli.formats.peek import Peek
from initcli.formats.storage.checkpoint import OpenedFile, StoredTensor
from initcli.formats.storage.defect import Defect, taking_note
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.optimizer import is_optimizer
from initcli.formats.storage.reading import Reader
from initcli.formats.storage.window import Window
from initcli.formats.zip.content import content_of
from initcli.formats.zip.inflated import States

_SUFFIX = ".weights.h5"
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# A block of the user's own has 512 bytes, or twice as many, and so on.
_USER_BLOCKS = [512 << power for power in range(16)]


def is_hdf5(peek: Peek) -> bool:
    """Whether a file begins as HDF5 files do, perhaps behind a block of its user's own."""
    if peek.head.startswith(_SIGNATURE):
        return True
    with peek.opened(buffering=0) as (file, _):
        return any(
            file.seek(at) and file.read(len(_SIGNATURE)) == _SIGNATURE for at in _USER_BLOCKS
        )


def is_keras(peek: Peek) -> bool:
    """Whether a zip archive is one that Keras writes."""
    return any(name.endswith(_SUFFIX) for name in peek.archive.members)


def read_keras(peek: Peek) -> OpenedFile:
    """Opens a .keras archive, of which the weights are read, and the configuration is not.

    Raises:
        MissingError: The file cannot be opened.
        UnknownFormatError: The h5py library is not installed.
        MalformedError, TruncatedError: It breaks a rule of its formats.
    """
    return _read(peek, is_archive=True)


def read_hdf5(peek: Peek) -> OpenedFile:
    """Opens an HDF5 file; what is wrong with single datasets is a defect.

    Raises:
        MissingError: The file cannot be opened.
        UnknownFormatError: The h5py library is not installed.
        MalformedError, TruncatedError: It breaks a rule of the format.
    """
    return _read(peek, is_archive=False)


def _read(peek: Peek, *, is_archive: bool) -> OpenedFile:
    _require_h5py(peek)
    space = AddressSpace(peek.size)
    defects: list[Defect] = []
    with peek.opened(buffering=0) as (file, shard):
        told = _member(peek, file, space) if is_archive else (0, 0, shard.size)
        base, values_at, length = told
        reader = Reader(replace(shard, extents=space.extents), file.fileno())
        walk = Walk(Room(values_at, length, space), peek.where, taking_note(defects))
        found = walk.datasets(io.BufferedReader(Window(reader, base, length)))
    shard = replace(shard, extents=space.extents)
    tensors = {spec.name: StoredTensor(spec, shard, address) for spec, address in found}
    optimizer = {name: each for name, each in tensors.items() if _is_of_optimizer(name)}
    model = {name: each for name, each in tensors.items() if name not in optimizer}
    return OpenedFile(
        shard,
        model or optimizer,
        optimizer if model else {},
        defects=tuple(defects),
        unread=walk.unread,
    )


def _is_of_optimizer(name: str) -> bool:
    return is_optimizer(name.partition("/")[0])


def _require_h5py(peek: Peek) -> None:
    if importlib.util.find_spec("h5py") is None:
        what = "a Keras archive" if peek.is_zip else "an HDF5 file"
        hint = "pip install 'initcli[h5]'"
        raise UnknownFormatError(f"this is {what}", where=peek.where, hint=hint)


def _member(peek: Peek, file: BinaryIO, space: AddressSpace) -> tuple[int, int, int]:
    """Returns where the weights in an archive are read, where their values are, and their bytes.

    Values are held against the archive's checksum, what tells of them alone is not.
    """
    names = [name for name in peek.archive.members if name.endswith(_SUFFIX)]
    if len(names) > 1:
        shown = some([visible(name, 80) for name in names])
        raise MalformedError(f"an archive of several weights: {shown}", where=peek.where)
    member = peek.archive.members[names[0]]
    content = content_of(peek.archive, file, member, States())
    return content.address(space), content.checked_at_once(space), member.size
