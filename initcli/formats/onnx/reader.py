"""Opens ONNX models: their initialisers, here or in files beside; of values nothing is read.

The file is walked field by field, whatever its size, and needs no library. Source: https://github.com/onnx/onnx/blob/v1.19.0/onnx/onnx.proto3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from initcli.core.errors import InitcliError, MalformedError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.making.banded import Banded
from initcli.formats.making.mosaic import Mosaic, Tile
from initcli.formats.onnx.external import Beside
from initcli.formats.onnx.graph import Graph
from initcli.formats.onnx.packed_numbers import LONGEST, Packed
from initcli.formats.onnx.protobuf import BYTES, Messages
from initcli.formats.onnx.tensor import Told
from initcli.formats.peek import Peek
from initcli.formats.storage.checkpoint import OpenedFile, Shard, StoredTensor
from initcli.formats.storage.defect import Defect, Tell, taking_note, unreadable
from initcli.formats.storage.extents import AddressSpace
from initcli.formats.storage.stretch import Stretch
from initcli.formats.storage.unread import UnreadError

_IR_VERSION, _GRAPH = 1 << 3, 7
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
    defects: list[Defect] = []
    with peek.opened() as (file, shard):
        messages = Messages(file, peek.where)
        beside = Beside(peek.path.parent)
        held = _Model(Graph(messages), beside, AddressSpace(shard.size), taking_note(defects))
        placed = list(held.tensors(_graph(messages, shard.size)))
        held.graph.look_at_functions(Stretch(0, shard.size))
    shard = replace(shard, extents=held.space.extents)
    tensors = {
        spec.name: StoredTensor(spec, beside or shard, address) for spec, beside, address in placed
    }
    unread = held.graph.unread
    return OpenedFile(
        shard, tensors, defects=tuple(defects), beside=tuple(beside.shards), unread=unread
    )


def _graph(file: Messages, size: int) -> Stretch:
    graphs = (each for each in file.fields(Stretch(0, size)) if each.number == _GRAPH)
    graph = next(graphs, None)
    if graph is None or graph.wire != BYTES:
        raise MalformedError("an ONNX model without a graph", where=file.where)
    if next(graphs, None):
        raise MalformedError("an ONNX model of more than one graph", where=file.where)
    return graph.stretch


Placed = tuple[TensorSpec, Shard | None, int]
"""A tensor, the file beside the model that it lies in, if it does, and its address."""


@dataclass(frozen=True, slots=True)
class _Model:
    """A model that is being read.

    Attributes:
        graph: What it holds, and where.
        beside: The files beside it.
        space: Hands out addresses for what must be made.
        tell: Told of every tensor that is broken.
    """

    graph: Graph
    beside: Beside
    space: AddressSpace
    tell: Tell

    @property
    def where(self) -> str:
        """The file, as messages name it."""
        return self.graph.file.where

    def tensors(self, graph: Stretch) -> Iterator[Placed]:
        """Yields every initialiser that is sound."""
        seen = set[str]()
        for told in self.graph.initialisers(graph):
            if told.name in seen:
                message = f"two tensors are named {visible(told.name, 80)}"
                raise MalformedError(message, where=self.where)
            if len(seen) == _MOST_TENSORS:
                raise MalformedError(f"more than {_MOST_TENSORS:,} tensors", where=self.where)
            seen.add(told.name)
            if told.is_text:
                self.graph.note(told.name, "its values are texts")
            else:
                yield from self._sound(told)

    def _sound(self, told: Told) -> Iterator[Placed]:
        where = f"{self.where}, tensor {visible(told.name, 80)}"
        try:
            spec = told.spec(where)
            if told.is_external:
                yield spec, *self.beside.place(told.external, spec.nbytes, where)
            else:
                yield spec, None, self._here(told, spec, where)
        except UnreadError as error:
            self.graph.note(told.name, error.message)
        except InitcliError as error:
            self.tell(unreadable(told.name, error))

    def _here(self, told: Told, spec: TensorSpec, where: str) -> int:
        """Returns the address of values that the model holds itself."""
        if told.raw is not None and not told.typed:
            if told.raw.size != spec.nbytes:
                raise _wrong_size(told.raw.size, spec, where)
            return told.raw.begin
        if len(told.typed) > 1 or told.raw is not None:
            raise MalformedError("its values are stored twice", where=where)
        for number, found in told.typed.items():
            return self._typed(number, found, spec, where)
        if spec.nbytes:
            raise _wrong_size(0, spec, where)
        return 0

    def _typed(self, number: int, found: list[Stretch], spec: TensorSpec, where: str) -> int:
        if number in _WIDE:
            return self._wide(found, spec, where)
        if len(found) > 1 or not spec.dtype.is_decoded or spec.dtype.is_packed:
            raise UnreadError("its values are stored in parts", where=where)
        (stretch,) = found
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


def _wrong_size(held: int, spec: TensorSpec, where: str) -> MalformedError:
    shown = visible(str(list(spec.shape)), 120)
    message = f"{spec.dtype.code} {shown} needs {spec.nbytes:,} bytes, not {held:,}"
    return MalformedError(message, where=where)
