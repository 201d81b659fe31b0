"""The safetensors header, judged by the format's written rules.

Layout: eight little-endian bytes N, N bytes of JSON, then the tensors' bytes without holes.
Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from initcli.core.dtypes import DTYPES
from initcli.core.errors import MalformedError, TruncatedError, UnknownFormatError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.checkpoint import Shard, StoredTensor, open_regular
from initcli.formats.strict_json import parse_object

HEADER_LIMIT = 100_000_000
PREFIX = 8
_ENTRY = {"dtype", "shape", "data_offsets"}
_LARGEST = 2**64 - 1


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
    with os.fdopen(descriptor, "rb") as file:
        length = _header_length(file.read(PREFIX), size, where)
        raw = file.read(length)
    if len(raw) < length:
        raise TruncatedError("the file ends inside its header", where=where)
    header = parse_object(raw, where)
    shard = Shard(path, size, identity, _metadata(header.pop("__metadata__", None), where))
    extents = sorted(_extents(header, where), key=lambda extent: (extent[1], extent[2]))
    _check_layout(extents, size - PREFIX - length, where)
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


def _metadata(value: object, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise MalformedError("__metadata__ must map strings to strings", where=where)
    return cast("dict[str, str]", value)


def _extents(header: dict[str, object], where: str) -> Iterator[tuple[TensorSpec, int, int]]:
    for name, entry in header.items():
        here = f"{where}, tensor {visible(name, 80)}"
        if not isinstance(entry, dict) or not entry.keys() >= _ENTRY:
            raise MalformedError("an entry needs dtype, shape and data_offsets", where=here)
        spec = _spec(name, entry["dtype"], entry["shape"], here)
        begin, end = _natural_numbers(entry["data_offsets"], "data_offsets", here, length=2)
        if end - begin != spec.nbytes:
            shape = visible(str(list(spec.shape)), 120)
            message = f"{spec.dtype.code} {shape} needs {spec.nbytes:,} bytes, not {end - begin:,}"
            raise MalformedError(message, where=here)
        yield spec, begin, end


def _spec(name: str, code: object, shape: object, where: str) -> TensorSpec:
    dtype = DTYPES.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise MalformedError(f"unknown dtype {visible(str(code), 40)}", where=where)
    spec = TensorSpec(name, dtype, tuple(_natural_numbers(shape, "shape", where)))
    _refuse_overflow((*spec.shape, dtype.bits), where)
    if spec.parameters * dtype.bits % 8:
        raise MalformedError("a sub-byte tensor must end on a whole byte", where=where)
    return spec


def _refuse_overflow(factors: tuple[int, ...], where: str) -> None:
    """Stops at the first overflow: a million huge factors would be multiplied for hours."""
    product = 1
    for factor in factors:
        product *= factor
        if product > _LARGEST:
            raise MalformedError("the shape's product overflows", where=where)


def _natural_numbers(value: object, what: str, where: str, length: int | None = None) -> list[int]:
    natural = isinstance(value, list) and all(
        type(number) is int and 0 <= number <= _LARGEST for number in value
    )
    if not natural or (length is not None and len(cast("list[int]", value)) != length):
        raise MalformedError(f"{what} must be a list of natural numbers", where=where)
    return cast("list[int]", value)


def _check_layout(extents: list[tuple[TensorSpec, int, int]], size: int, where: str) -> None:
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
