"""The header of a GGUF file: its metadata, and its tensors' names, types, shapes and places.

What a file says of itself is held against the bytes it has before anything is made of it.
Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from initcli.core.errors import MalformedError, TruncatedError
from initcli.core.tensor import Shape
from initcli.core.text import visible
from initcli.formats.gguf.fields import LONGEST, Fields

MAGIC = b"GGUF"
_VERSIONS = {2, 3}
_MOST_KEYS = 1 << 16
_MOST_TENSORS = 300_000
_MOST_DIMENSIONS = 4
_NUMBER = re.compile("[0-9]{1,10}")
_ALIGNMENT = "general.alignment"
_USUAL_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """What a header says of a tensor.

    Attributes:
        name: Its name.
        number: That of its type.
        shape: Its lengths, the slowest first.
        offset: Where its bytes begin, from the start of the file's data.
    """

    name: str
    number: int
    shape: Shape
    offset: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a header says.

    Attributes:
        is_big: Whether numbers are big-endian.
        metadata: Values by key, as text; of arrays only their lengths.
        tensors: In the file's order.
        alignment: Of which every offset is a multiple.
        start: Where the data begins.
        cut: How many texts of the metadata were too long to be kept whole.
    """

    is_big: bool
    metadata: dict[str, str]
    tensors: list[GgufTensor]
    alignment: int
    start: int
    cut: int


def read_gguf_header(file: BinaryIO, size: int, where: str) -> GgufHeader:
    """Reads a header.

    Args:
        file: The file, opened for reading at its beginning.
        size: Its bytes.
        where: The file, as messages name it.

    Raises:
        MalformedError: It breaks a rule of the format, or is of a version that is not read.
        TruncatedError: The file ends inside it.
    """
    fields, is_big = _opened(file, size, where)
    tensors, pairs = fields.number("Q"), fields.number("Q")
    fields.refuse_many("tensors", tensors, _MOST_TENSORS, 24)
    fields.refuse_many("keys", pairs, _MOST_KEYS, 13)
    metadata = fields.unique(pairs, "key", fields.pair)
    told = fields.unique(tensors, "tensor", partial(_tensor, fields))
    alignment = _alignment(metadata.get(_ALIGNMENT), where)
    start = fields.position + -fields.position % alignment
    return GgufHeader(is_big, metadata, list(told.values()), alignment, start, fields.cut)


def _opened(file: BinaryIO, size: int, where: str) -> tuple[Fields, bool]:
    head = file.read(len(MAGIC) + 4)
    if len(head) < len(MAGIC) + 4:
        raise TruncatedError("the file ends inside its header", where=where)
    raw = head[len(MAGIC) :]
    is_big = int.from_bytes(raw, "big") in _VERSIONS
    version = int.from_bytes(raw, "big" if is_big else "little")
    if version not in _VERSIONS:
        hint = "versions 2 and 3 are: convert it again with llama.cpp"
        raise MalformedError(f"version {version} of GGUF is not read", where=where, hint=hint)
    return Fields(file, min(size, LONGEST), where, ">" if is_big else "<", len(head)), is_big


def _alignment(told: str | None, where: str) -> int:
    if told is None:
        return _USUAL_ALIGNMENT
    alignment = int(told) if _NUMBER.fullmatch(told) else 0
    if alignment < 1 or alignment & (alignment - 1) or alignment > LONGEST:
        message = f"an alignment of {visible(told, 40)} is no power of two"
        raise MalformedError(message, where=where)
    return alignment


def _tensor(fields: Fields) -> tuple[str, GgufTensor]:
    name, count = fields.text(), fields.number("I")
    if count > _MOST_DIMENSIONS:
        here = f"{fields.here}, tensor {visible(name, 80)}"
        raise MalformedError(f"a tensor of {count:,} dimensions", where=here)
    shape = tuple(fields.number("Q") for _ in range(count))
    return name, GgufTensor(name, fields.number("I"), shape[::-1], fields.number("Q"))
