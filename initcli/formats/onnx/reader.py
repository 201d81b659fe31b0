"""Opens ONNX models: their initialisers, here or in files beside; of values nothing is read.

The file is walked field by field, whatever its size, and needs no library. What nodes hold in
their attributes is not looked at. Source: https://github.com/onnx/onnx/blob/v1.19.0/onnx/onnx.proto3
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from initcli.core.errors import InitcliError, MalformedError, TruncatedError
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, visible
from initcli.formats.making.banded import Banded
from initcli.formats.making.mosaic import Mosaic, Tile
from initcli.formats.onnx.packed_numbers import LONGEST, Packed
from initcli.formats.onnx.protobuf import BYTES, Field, fields
from initcli.formats.onnx.tensor import Told, read_tensor
from initcli.formats.peek import Peek
from initcli.formats.plain_name import is_plain_name
from initcli.formats.storage.checkpoint import OpenedFile, Shard, StoredTensor, open_regular
from initcli.formats.storage.defect import Defect, Flaw, Tell, taking_note
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.stretch import Stretch

_IR_VERSION, _GRAPH, _INITIALIZER, _SPARSE = 1 << 3, 7, 5, 15
_LATEST_VERSION = 63
# The tags of the fields that may follow the version: texts, operators, the graph and the like.
_NEXT = {0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72}
_MOST_TENSORS = 300_000
# The fields that hold values: those of their own width, and those that are packed.
_FLOATS, _DOUBLES = 4, 10
_WIDE = {_FLOATS, _DOUBLES}


def is_onnx(peek: Peek) -> bool:
    """Whether a file begins as ONNX models do: a small version, and a field that may follow."""
    begin, version, following = (*peek.head[:3], 0, 0, 0)[:3]
    return begin == _IR_VERSION and 0 < version <= _LATEST_VERSION and following in _NEXT


def read_onnx(peek: Peek) -> OpenedFile:
    """Opens a model; what is wrong with single tensors is a defect.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError: It is no such message.
    """
    descriptor, size, identity = open_regular(peek.path)
    defects: list[Defect] = []
    with os.fdopen(descriptor, "rb") as file:
        graph = _graph(file, size, peek.where)
        held = _Model(peek, file, AddressSpace(size), taking_note(defects))
        placed = list(held.tensors(graph))
    shard = Shard(peek.path, size, identity, extents=held.space.extents)
    tensors = {
        spec.name: StoredTensor(spec, beside or shard, address) for spec, beside, address in placed
    }
    files = (each for each in held.files.values() if isinstance(each, Shard))
    return OpenedFile(
        shard, tensors, defects=tuple(defects), beside=tuple(files), unread=held.unread
    )


def _graph(file: BinaryIO, size: int, where: str) -> Stretch:
    found = [each for each in fields(file, Stretch(0, size), where) if each.number == _GRAPH]
    if len(found) != 1 or found[0].wire != BYTES:
        raise MalformedError(f"an ONNX model of {plural(len(found), 'graph')}", where=where)
    return found[0].stretch


Placed = tuple[TensorSpec, Shard | None, int]
"""A tensor, the file beside the model that it lies in, if it does, and its address."""


@dataclass
class _Model:
    """A model that is being read.

    Attributes:
        peek: The file.
        file: It, open.
        space: Hands out addresses for what must be made.
        tell: Told of every tensor that is broken.
        unread: What is not read, and why, by name.
    """

    peek: Peek
    file: BinaryIO
    space: AddressSpace
    tell: Tell
    unread: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files: dict[str, Shard | InitcliError] = {}

    def tensors(self, graph: Stretch) -> Iterator[Placed]:
        """Yields every initialiser that is sound."""
        seen, sparse = set[str](), 0
        for each in fields(self.file, graph, self.peek.where):
            sparse += each.number == _SPARSE
            if each.number != _INITIALIZER or each.wire != BYTES:
                continue
            told = read_tensor(self.file, each.stretch, self.peek.where)
            if told.name in seen or len(seen) == _MOST_TENSORS:
                message = f"two tensors named {visible(told.name, 80)}, or too many"
                raise MalformedError(message, where=self.peek.where)
            seen.add(told.name)
            yield from self._sound(told)
        if sparse:
            self.unread[""] = plural(sparse, "sparse initialiser")

    def _sound(self, told: Told) -> Iterator[Placed]:
        where = f"{self.peek.where}, tensor {visible(told.name, 80)}"
        try:
            spec = told.spec(where)
            if told.is_external:
                yield spec, *self._external(told, spec, where)
            else:
                yield spec, None, self._here(told, spec, where)
        except InitcliError as error:
            what = f"{error.message}; not read"
            self.tell(Defect(Flaw.UNREADABLE, error, what, tensor=told.name))

    def _here(self, told: Told, spec: TensorSpec, where: str) -> int:
        """Returns the address of values that the model holds itself."""
        if told.raw is not None and not told.typed:
            if told.raw.size != spec.nbytes:
                raise _wrong_size(told.raw.size, spec, where)
            return told.raw.begin
        if len(told.typed) > 1 or told.raw is not None:
            raise MalformedError("its values are stored twice", where=where)
        for number, found in told.typed.items():
            if any(each.wire != BYTES for each in found):
                raise MalformedError("its values are stored one by one", where=where)
            return self._typed(number, found, spec, where)
        if spec.nbytes:
            raise _wrong_size(0, spec, where)
        return 0

    def _typed(self, number: int, found: list[Field], spec: TensorSpec, where: str) -> int:
        if number in _WIDE:
            return self._wide([each.stretch for each in found], spec, where)
        if len(found) > 1 or not spec.dtype.is_decoded or spec.dtype.is_packed:
            raise MalformedError("its values are stored in parts", where=where)
        (stretch,) = (each.stretch for each in found)
        if stretch.size > LONGEST:
            hint = "save it with raw data, as exporters do"
            raise MalformedError(f"{stretch.size:,} bytes of packed values", where=where, hint=hint)
        maker = Packed(stretch, spec.dtype.itemsize, spec.parameters, where)
        return self.space.place(spec.nbytes, Banded(maker, spec.nbytes))

    def _wide(self, stretches: list[Stretch], spec: TensorSpec, where: str) -> int:
        """Returns the address of values that have their own width, mostly in one stretch."""
        held = sum(each.size for each in stretches)
        if held != spec.nbytes:
            raise _wrong_size(held, spec, where)
        if len(stretches) == 1:
            return stretches[0].begin
        tiles, at = list[Tile](), 0
        for each in stretches:
            tiles.append(Tile((at,), (each.size,), each.begin))
            at += each.size
        return self.space.place(held, Mosaic((held,), 1, tiles))

    def _external(self, told: Told, spec: TensorSpec, where: str) -> tuple[Shard, int]:
        """Returns the file beside the model that holds values, and their address."""
        name = told.external.get("location", "")
        if not is_plain_name(name):
            message = f"external data in {visible(name, 80)}, which is no plain file name"
            hint = "data lie beside their model"
            raise MalformedError(message, where=where, hint=hint)
        shard = self._file(name)
        offset = _number(told.external.get("offset", "0"), where)
        length = _number(told.external.get("length", str(spec.nbytes)), where)
        if length != spec.nbytes:
            raise _wrong_size(length, spec, where)
        if offset + length > shard.size:
            message = f"external data end at byte {offset + length:,}, and the file before"
            raise TruncatedError(message, where=where, hint="fetch or copy the file again")
        return shard, offset

    def _file(self, name: str) -> Shard:
        if name not in self.files:
            self.files[name] = _shard_or_error(self.peek.path.parent / name)
        found = self.files[name]
        if isinstance(found, InitcliError):
            raise found
        return found


def _shard_or_error(path: Path) -> Shard | InitcliError:
    try:
        descriptor, size, identity = open_regular(path)
    except InitcliError as error:
        return error
    os.close(descriptor)
    return Shard(path, size, identity)


def _number(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(1 << 63)):
        raise MalformedError(f"{visible(text, 40)} is no natural number", where=where)
    return int(text)


def _wrong_size(held: int, spec: TensorSpec, where: str) -> MalformedError:
    shown = visible(str(list(spec.shape)), 120)
    message = f"{spec.dtype.code} {shown} needs {spec.nbytes:,} bytes, not {held:,}"
    return MalformedError(message, where=where)
