"""The `.metadata` of a distributed checkpoint: which pieces its tensors lie in.

Source: https://github.com/pytorch/pytorch/blob/v2.13.0/torch/distributed/checkpoint/metadata.py
and `filesystem.py` there (`_StorageInfo`)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from initcli.core.dtypes import DType
from initcli.core.errors import MalformedError
from initcli.core.tensor import Shape
from initcli.core.text import visible
from initcli.formats.plain_name import is_plain_name
from initcli.formats.pytorch.pickles.opcodes import unpickle
from initcli.formats.pytorch.pickles.records import Call, Global, Pairs, PickleFlawError, pairs_of
from initcli.formats.pytorch.tensors.rebuilt import NAMED_DTYPES, naturals
from initcli.formats.pytorch.tensors.storages import natural
from initcli.formats.storage.checkpoint import open_regular

NAME = ".metadata"
_MODULE = "torch.distributed.checkpoint."
_BYTES = f"{_MODULE}metadata.BytesStorageMetadata"
_TENSOR = f"{_MODULE}metadata.TensorStorageMetadata"


@dataclass(frozen=True, slots=True)
class Piece:
    """A box of a tensor.

    Attributes:
        origin: Its first index along each dimension.
        shape: Its lengths.
        file: The name of the file it lies in.
        offset: Where it begins there.
        length: Its bytes there.
    """

    origin: Shape
    shape: Shape
    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a tensor.

    Attributes:
        name: Its name.
        dtype: Of its values.
        shape: Its lengths.
        pieces: What it is put together of.
    """

    name: str
    dtype: DType
    shape: Shape
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is told of a checkpoint.

    Attributes:
        tensors: Of each tensor.
        unread: What is no tensor and nothing that is known to be none, and why it is not read,
            by name.
    """

    tensors: tuple[Told, ...]
    unread: Mapping[str, str]


def read_metadata(path: Path) -> Metadata:
    """Reads a `.metadata` file, of which nothing is run.

    Raises:
        MissingError: It cannot be opened.
        MalformedError: It is no such pickle, or says what makes no sense.
    """
    where = visible(str(path), 300)
    descriptor, _, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        try:
            root, _ = unpickle(file)
            return _metadata(root)
        except PickleFlawError as flaw:
            raise MalformedError(str(flaw), where=where) from flaw


def _metadata(root: object) -> Metadata:
    metadata = _state(root)
    places = dict(_places(metadata.get("storage_data")))
    tensors, seen, unread = list[Told](), set[str](), dict[str, str]()
    for name, entry in _pairs(metadata.get("state_dict_metadata")).items():
        if not isinstance(name, str) or name in seen:
            raise PickleFlawError("a name that is no text, or comes twice")
        seen.add(name)
        kind = entry.name if isinstance(entry, Call) else ""
        if kind == _TENSOR and isinstance(entry, Call):
            told = _state(entry)
            dtype = _dtype(told.get("properties"))
            if isinstance(dtype, str):
                unread[name] = f"of the dtype {dtype}, which is not known"
            else:
                tensors.append(_tensor(name, dtype, told, places))
        elif kind != _BYTES:  # which is how whatever else there is in a state dict is stored
            unread[name] = f"stored as {visible(kind, 80) or 'nothing that is known'}"
    return Metadata(tuple(tensors), unread)


Places = Mapping[tuple[str, Shape], tuple[str, int, int]]
"""File, offset and length of each piece, by tensor and origin."""


def _tensor(name: str, dtype: DType, told: Mapping[str, object], places: Places) -> Told:
    chunks = told.get("chunks")
    if not isinstance(chunks, list):
        raise PickleFlawError(f"tensor {visible(name, 80)} has no chunks")
    if len(chunks) > len(places):
        raise PickleFlawError(f"tensor {visible(name, 80)} has more pieces than are stored")
    shape = naturals(told.get("size"))
    return Told(name, dtype, shape, tuple(_piece(name, _state(each), places) for each in chunks))


def _piece(name: str, chunk: Mapping[str, object], places: Places) -> Piece:
    origin, shape = naturals(chunk.get("offsets")), naturals(chunk.get("sizes"))
    place = places.get((name, origin))
    if place is None:
        raise PickleFlawError(f"a piece of tensor {visible(name, 80)} is stored nowhere")
    return Piece(origin, shape, *place)


def _dtype(properties: object) -> DType | str:
    """Returns the first of the properties, which are pickled as a tuple or by name.

    Of a dtype that is not known it is the name.
    """
    state = properties.state if isinstance(properties, Call) else None
    named = pairs_of(state)
    value = (
        named.get("dtype") if named else state[0] if isinstance(state, tuple) and state else None
    )
    if not isinstance(value, Global):
        raise PickleFlawError(f"{visible(str(value), 80)} is no dtype")
    return NAMED_DTYPES.get(value.name) or visible(str(value), 80)


def _places(record: object) -> Iterator[tuple[tuple[str, Shape], tuple[str, int, int]]]:
    for key, value in _pairs(record).items():
        index, info = _state(key), _state(value)
        name, origin = index.get("fqn"), index.get("offset")
        if isinstance(name, str) and origin is not None:
            yield (name, naturals(origin)), _place(info)


def _place(info: Mapping[str, object]) -> tuple[str, int, int]:
    file = info.get("relative_path")
    if not isinstance(file, str) or not is_plain_name(file):
        raise PickleFlawError(f"{visible(str(file), 80)} is no plain file name")
    if info.get("transform_descriptors"):
        raise PickleFlawError("pieces are stored compressed or otherwise transformed")
    return file, natural(info.get("offset")), natural(info.get("length"))


def _state(record: object) -> dict[str, object]:
    """Returns the attributes of an object."""
    state = pairs_of(record.state) if isinstance(record, Call) else None
    if state is None:
        raise PickleFlawError("this is not the metadata of a distributed checkpoint")
    return {key: value for key, value in state.items() if isinstance(key, str)}


def _pairs(record: object) -> Pairs:
    pairs = pairs_of(record)
    if pairs is None:
        raise PickleFlawError("this is not the metadata of a distributed checkpoint")
    return pairs
