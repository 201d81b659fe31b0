"""The safetensors header, judged by the format's written rules.

Layout: eight little-endian bytes N, N bytes of JSON, then the tensors' bytes without holes.
Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from initcli.core.collector import uncollected
from initcli.core.dtypes import DTYPES, DType
from initcli.core.errors import MalformedError, TruncatedError, UnknownFormatError
from initcli.core.tensor import TensorSpec, bits_of
from initcli.core.text import visible
from initcli.formats.json.stream import JsonStream
from initcli.formats.storage.checkpoint import Shard, StoredTensor, open_regular

HEADER_LIMIT = 100_000_000
PREFIX = 8
_ENTRY = {"dtype", "shape", "data_offsets"}
_LARGEST = 2**64 - 1
_METADATA = "__metadata__"
_MOST_METADATA = 500_000


def read_shard(path: Path) -> tuple[Shard, dict[str, StoredTensor]]:
    """Opens one safetensors file and reads its header, never its values.

    Returns:
        The shard, and its tensors by name in the order of their bytes.

    Raises:
        MissingError: The file cannot be opened.
        UnknownFormatError: The file does not begin as safetensors does.
        MalformedError: The header breaks a rule of the format.
        TruncatedError: The header promises more bytes than the file has.
    """
    where = visible(str(path), 300)
    descriptor, size, identity = open_regular(path)
    with os.fdopen(descriptor, "rb") as file, uncollected():
        length = _header_length(file.read(PREFIX), size, where)
        metadata, extents = _header(JsonStream(_header_bytes(file, length, where), where), where)
    _check_layout(extents, size - PREFIX - length, where)
    shard = Shard(path, size, identity, metadata)
    start = PREFIX + length
    return shard, {spec.name: StoredTensor(spec, shard, start + at) for spec, at, _ in extents}


def _header_length(prefix: bytes, size: int, where: str) -> int:
    hint = "a safetensors file begins with the length of its JSON header"
    if len(prefix) < PREFIX:
        raise UnknownFormatError("too short to be a checkpoint", where=where, hint=hint)
    length = int.from_bytes(prefix, "little")
    if length > HEADER_LIMIT:
        raise UnknownFormatError("not a safetensors file", where=where, hint=hint)
    if length > size - PREFIX:
        message = f"a header of {length:,} bytes in a file of {size:,}"
        raise TruncatedError(message, where=where, hint="fetch or copy the file again")
    return length


def _header_bytes(file: BinaryIO, length: int, where: str) -> Callable[[int], bytes]:
    """Returns what reads on in the header, and not beyond it."""
    left = length

    def read(most: int) -> bytes:
        nonlocal left
        raw = file.read(min(most, left))
        left -= len(raw)
        if left and not raw:
            raise TruncatedError("the file ends inside its header", where=where)
        return raw

    return read


def _header(stream: JsonStream, where: str) -> tuple[dict[str, str], list[Extent]]:
    """Returns the metadata, and the tensors in the order of their bytes."""
    metadata: dict[str, str] | None = None
    extents: dict[str, Extent] = {}
    for name in stream.members():
        if name in extents or (name == _METADATA and metadata is not None):
            raise MalformedError(f"duplicate name {visible(name, 80)}", where=where)
        if name == _METADATA:
            metadata = _metadata(stream)
        else:
            extents[name] = _located(name, stream.value(), where)
    stream.finish()
    return metadata or {}, sorted(extents.values(), key=itemgetter(1, 2))


def _metadata(stream: JsonStream) -> dict[str, str]:
    if stream.next() == "n" and stream.value() is None:
        return {}
    return stream.texts(_METADATA, _MOST_METADATA)


class _FlawError(Exception):
    """An entry breaks a rule; its place is told by whoever knows it."""


Extent = tuple[TensorSpec, int, int]
"""A tensor, and where its bytes begin and end."""


def _located(name: str, entry: object, where: str) -> Extent:
    try:
        return _extent(name, entry)
    except _FlawError as flaw:
        here = f"{where}, tensor {visible(name, 80)}"
        raise MalformedError(str(flaw), where=here) from flaw


def _extent(name: str, entry: object) -> Extent:
    if not isinstance(entry, dict) or not entry.keys() >= _ENTRY:
        raise _FlawError("an entry needs dtype, shape and data_offsets")
    code = entry["dtype"]
    dtype = DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise _FlawError(f"unknown dtype {visible(str(code), 40)}")
    shape = _natural_numbers(entry["shape"], "shape")
    size = _size(shape, dtype)
    begin, end = _natural_numbers(entry["data_offsets"], "data_offsets", length=2)
    if end - begin != size:
        shown = visible(str(shape), 120)
        raise _FlawError(f"{code} {shown} needs {size:,} bytes, not {end - begin:,}")
    return TensorSpec(name, dtype, tuple(shape)), begin, end


def _size(shape: Sequence[int], dtype: DType) -> int:
    bits = bits_of(shape, dtype.bits)
    if bits is None:
        raise _FlawError("the shape's product overflows")
    if bits % 8:
        raise _FlawError("a sub-byte tensor must end on a whole byte")
    return bits // 8


def _natural_numbers(value: object, what: str, length: int | None = None) -> list[int]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise _FlawError(f"{what} must be a list of natural numbers")
    for number in value:
        if type(number) is not int or not 0 <= number <= _LARGEST:
            raise _FlawError(f"{what} must be a list of natural numbers")
    return value


def _check_layout(extents: Sequence[Extent], size: int, where: str) -> None:
    position = 0
    for spec, begin, end in extents:
        if begin != position:
            flaw = "overlaps its predecessor" if begin < position else "leaves a hole before it"
            message = f"tensor {visible(spec.name, 80)} {flaw}"
            raise MalformedError(message, where=f"{where}, data byte {begin:,}")
        position = end
    if position > size:
        message = f"the header promises {position:,} bytes of data, the file holds {size:,}"
        raise TruncatedError(message, where=where, hint="fetch or copy the file again")
    if position < size:
        raise MalformedError(f"{size - position:,} bytes after the last tensor", where=where)
