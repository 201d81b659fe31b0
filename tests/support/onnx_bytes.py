"""ONNX models byte by byte, which may say anything."""

from __future__ import annotations


def varint(number: int) -> bytes:
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def message(number: int, content: bytes, length: int | None = None) -> bytes:
    size = len(content) if length is None else length
    return varint(number << 3 | 2) + varint(size) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def tensor(
    dims: bytes = number(1, 4),
    kind: int = 1,
    name: bytes = message(8, b"w"),
    data: bytes = message(9, bytes(16)),
) -> bytes:
    return dims + number(2, kind) + name + data


def model(*initializers: bytes, graphs: int = 1) -> bytes:
    graph = b"".join(message(5, each) for each in initializers)
    return number(1, 8) + message(7, graph) * graphs + message(8, number(2, 20))


def external(**told: str) -> bytes:
    entries = (message(1, key.encode()) + message(2, value.encode()) for key, value in told.items())
    return b"".join(message(13, entry) for entry in entries) + number(14, 1)
