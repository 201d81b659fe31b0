"""Opens HDF5 files, such as Keras writes, alone or within a .keras archive.

The h5py library tells where values lie; they are read, as those of any format, by range. No link
to another file is followed. Source: https://docs.h5py.org/en/stable/
"""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from initcli.core.errors import InitcliError, MalformedError, UnknownFormatError
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, some, visible
from initcli.formats.hdf5.dataset import Room, placed
from initcli.formats.peek import Peek
from initcli.formats.storage.checkpoint import OpenedFile, Shard, StoredTensor, open_regular
from initcli.formats.storage.defect import Defect, Flaw, Tell, taking_note
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.reading import Reader
from initcli.formats.storage.window import Window
from initcli.formats.zip.content import content_of
from initcli.formats.zip.inflated import States

_SUFFIX = ".weights.h5"
_OPTIMIZERS = ("optimizer/", "optimizer_weights/")
_MOST_LINKS = 300_000
_LONGEST_NAME = 4096
# Whatever the library raises of a file that it cannot make sense of.
_FAILURES = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    MemoryError,
)

Placed = list[tuple[TensorSpec, int]]
"""Tensors, and the addresses at which they begin."""


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
    descriptor, size, identity = open_regular(peek.path)
    space, shard = AddressSpace(size), Shard(peek.path, size, identity)
    defects: list[Defect] = []
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        base, length = _member(peek, file, space) if is_archive else (0, size)
        reader = Reader(Shard(peek.path, size, identity, extents=space.extents), descriptor)
        walk = _Walk(Room(base, length, space), peek.where, taking_note(defects))
        found = walk.datasets(io.BufferedReader(Window(reader, base, length)))
    shard = Shard(peek.path, size, identity, extents=space.extents)
    tensors = {spec.name: StoredTensor(spec, shard, address) for spec, address in found}
    optimizer = {name: each for name, each in tensors.items() if name.startswith(_OPTIMIZERS)}
    model = {name: each for name, each in tensors.items() if name not in optimizer}
    return OpenedFile(
        shard,
        model or optimizer,
        optimizer if model else {},
        tuple(walk.notes()),
        tuple(defects),
    )


def _require_h5py(peek: Peek) -> None:
    if importlib.util.find_spec("h5py") is None:
        what = "a Keras archive" if peek.is_zip else "an HDF5 file"
        hint = "pip install 'initcli[h5]'"
        raise UnknownFormatError(f"this is {what}", where=peek.where, hint=hint)


def _member(peek: Peek, file: BinaryIO, space: AddressSpace) -> tuple[int, int]:
    """Returns the address and the bytes of the weights in an archive."""
    names = [name for name in peek.archive.members if name.endswith(_SUFFIX)]
    if len(names) > 1:
        shown = some([visible(name, 80) for name in names])
        raise MalformedError(f"an archive of several weights: {shown}", where=peek.where)
    member = peek.archive.members[names[0]]
    return content_of(peek.archive, file, member, States()).address(space), member.size


class _Walk:
    """Goes through the groups of a file, each link once and none to other files."""

    def __init__(self, room: Room, where: str, tell: Tell) -> None:
        self._room = room
        self._where = where
        self._tell = tell
        self._links = 0
        self._soft: list[str] = []

    def datasets(self, file: BinaryIO) -> Placed:
        """Returns every dataset and its address.

        Raises:
            MalformedError: The library cannot make sense of the file.
        """
        import h5py

        found = Placed()
        try:
            with h5py.File(file, "r") as root:
                for name, dataset in self._below(root):
                    self._add(name, dataset, found)
        except _FAILURES as error:
            message = f"the HDF5 library cannot read it: {visible(str(error), 120)}"
            raise MalformedError(message, where=self._where) from error
        return found

    def notes(self) -> Iterator[str]:
        """Yields what the reader should know of what was passed over."""
        if self._soft:
            yield f"not followed: {plural(len(self._soft), 'symbolic link')}: {some(self._soft)}"

    def _add(self, name: str, dataset: Any, found: Placed) -> None:  # noqa: ANN401 - h5py has no types
        where = f"{self._where}, dataset {visible(name, 80)}"
        try:
            found.append(placed(dataset, name, self._room, where))
        except InitcliError as error:
            self._fail(name, error)
        except _FAILURES as error:
            message = f"the HDF5 library cannot read it: {visible(str(error), 120)}"
            self._fail(name, MalformedError(message, where=where))

    def _fail(self, name: str, error: InitcliError) -> None:
        self._tell(Defect(Flaw.UNREADABLE, error, f"{error.message}; not read", tensor=name))

    def _below(self, root: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - likewise
        """Yields datasets by name; a group that several links lead to is entered once."""
        import h5py

        entered = {_identity(root)}
        waiting = [("", root)]
        while waiting:
            prefix, group = waiting.pop()
            for name, link in self._links_of(group, prefix):
                if isinstance(link, h5py.ExternalLink):
                    message = "a link to another file, which is never followed"
                    self._fail(name, MalformedError(message, where=self._where))
                elif isinstance(link, h5py.SoftLink):
                    self._soft.append(visible(name, 80))
                else:
                    item = group[name[len(prefix) :]]
                    if isinstance(item, h5py.Dataset):
                        yield name, item
                    elif isinstance(item, h5py.Group) and _identity(item) not in entered:
                        entered.add(_identity(item))
                        waiting.append((f"{name}/", item))

    def _links_of(self, group: Any, prefix: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - likewise
        for name in group:
            self._links += 1
            if self._links > _MOST_LINKS or len(prefix) + len(name) > _LONGEST_NAME:
                message = "more than it is plausible that a model has: links, or levels of groups"
                raise MalformedError(message, where=self._where)
            yield f"{prefix}{name}", group.get(name, getlink=True)


def _identity(item: Any) -> tuple[int, int]:  # noqa: ANN401 - h5py has no types
    import h5py

    info = h5py.h5o.get_info(item.id)
    return info.fileno, info.addr
