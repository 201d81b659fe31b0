"""A file of a distributed checkpoint: pieces one behind the other, each as `torch.save` writes.

Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/distributed/checkpoint/filesystem.py
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from initcli.core.dtypes import DType
from initcli.core.errors import InitcliError, MalformedError, TruncatedError
from initcli.core.text import visible
from initcli.formats.pytorch.dcp.metadata import Piece
from initcli.formats.pytorch.pickles.opcodes import unpickle
from initcli.formats.pytorch.pickles.records import Call, PickleFlawError
from initcli.formats.pytorch.placing import Place, Placing
from initcli.formats.pytorch.tensors.meanings import View
from initcli.formats.pytorch.tensors.rebuilt import meaning
from initcli.formats.pytorch.tensors.storages import Storage
from initcli.formats.storage.checkpoint import Shard, open_regular
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.reading import Reader
from initcli.formats.storage.window import Window
from initcli.formats.zip.content import content_of
from initcli.formats.zip.directory import STORED, ZipDirectory, read_directory
from initcli.formats.zip.inflated import States

_PICKLE = "/data.pkl"
# What the record of one tensor takes is a thousandth.
_ROOM = 4 << 20

Placed = dict[tuple[Piece, DType], int | InitcliError]
"""The address of each piece in its file, read as what it should be, or why it has none."""


def place_pieces(path: Path, pieces: Iterable[tuple[Piece, DType]]) -> tuple[Shard, Placed]:
    """Finds where the values of pieces lie.

    Args:
        path: The file they are in.
        pieces: Them, and what their values are.

    Raises:
        MissingError: The file cannot be opened.
    """
    descriptor, size, identity = open_regular(path)
    file = _File(Reader(Shard(path, size, identity), descriptor), size, visible(str(path), 300))
    placed = Placed()
    try:
        for piece, dtype in sorted(pieces, key=lambda each: each[0].offset):
            if (piece, dtype) not in placed:
                placed[piece, dtype] = file.address_or_error(piece, dtype)
    finally:
        os.close(descriptor)
    return Shard(path, size, identity, extents=file.placing.space.extents), placed


class _File:
    """An open file, whose pieces are placed one by one."""

    def __init__(self, reader: Reader, size: int, where: str) -> None:
        self.placing = Placing(size, self._place_of, AddressSpace(size))
        self._reader = reader
        self._size = size
        self._where = where
        self._piece: tuple[int, Window, ZipDirectory, str]

    def address_or_error(self, piece: Piece, dtype: DType) -> int | InitcliError:
        where = f"{self._where}, byte {piece.offset:,}"
        try:
            return self._address(piece, dtype, where)
        except PickleFlawError as flaw:
            return MalformedError(str(flaw), where=where)
        except InitcliError as error:
            return error

    def _address(self, piece: Piece, dtype: DType, where: str) -> int:
        if piece.offset + piece.length > self._size:
            hint = "fetch or copy the file again"
            raise TruncatedError("a piece lies beyond the file's end", where=where, hint=hint)
        window = Window(self._reader, piece.offset, piece.length)
        directory = read_directory(window, piece.length, where)  # type: ignore[arg-type]
        view = self._view(piece.offset, window, directory)
        if view.dtype != dtype or view.shape != piece.shape:
            raise PickleFlawError("a piece is not of the dtype and shape that .metadata tells")
        return self.placing.place("", view)[1]

    def _view(self, begin: int, window: Window, directory: ZipDirectory) -> View:
        names = [name for name in directory.members if name.endswith(_PICKLE)]
        if len(names) != 1:
            raise PickleFlawError("a piece that is no file of torch.save")
        member = directory.members[names[0]]
        self._piece = begin, window, directory, names[0].removesuffix(_PICKLE)
        window.seek(directory.begin(window, member))  # type: ignore[arg-type]
        root, _ = unpickle(io.BufferedReader(window), _ROOM)
        view = meaning(root) if isinstance(root, Call) else None
        if not isinstance(view, View):
            raise PickleFlawError("a piece that is no tensor")
        return view

    def _place_of(self, storage: Storage) -> Place:
        """Returns where a storage of the piece at hand lies; see `Placing`."""
        begin, window, directory, root = self._piece
        member = directory.members.get(f"{root}/data/{storage.key}")
        size = storage.whole * storage.dtype.itemsize
        if member is None or member.method != STORED or member.size != size:
            raise PickleFlawError("the storage of a piece is not in it, or of another size")
        content = content_of(directory, window, member, States())  # type: ignore[arg-type]
        content = replace(content, begin=begin + content.begin)
        space = self.placing.space
        return storage.part_of(content.checked(space, b"") if member.crc else content.begin)
