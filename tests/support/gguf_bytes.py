"""GGUF files byte by byte, which may say anything."""

from __future__ import annotations

import struct
from collections.abc import Sequence

STRING, ARRAY = 8, 9


def text(value: bytes, length: int | None = None) -> bytes:
    """Returns a text, which may lie about its length."""
    return struct.pack("<Q", len(value) if length is None else length) + value


def pair(key: bytes, kind: int, value: bytes) -> bytes:
    """Returns a key and its value."""
    return text(key) + struct.pack("<I", kind) + value


def array(kind: int, count: int, values: bytes = b"") -> bytes:
    """Returns the value of an array."""
    return struct.pack("<IQ", kind, count) + values


def tensor(
    name: bytes = b"w",
    shape: Sequence[int] = (4,),
    number: int = 0,
    offset: int = 0,
    dimensions: int | None = None,
) -> bytes:
    """Returns what a header says of a tensor."""
    count = len(shape) if dimensions is None else dimensions
    lengths = struct.pack(f"<{len(shape)}Q", *shape)
    return text(name) + struct.pack("<I", count) + lengths + struct.pack("<IQ", number, offset)


def gguf(
    tensors: Sequence[bytes] = (),
    pairs: Sequence[bytes] = (),
    data: bytes = bytes(16),
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    """Returns a file."""
    counts = counts or (len(tensors), len(pairs))
    head = b"GGUF" + struct.pack("<I2Q", version, *counts) + b"".join((*pairs, *tensors))
    return head + bytes(-len(head) % alignment) + data
