"""Writes safetensors as a stream: the header first, then each tensor's bytes in its place.

The bytes equal those of the reference library's `save_file`, whose writer needs every tensor
in memory at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from initcli.core.dtypes import STORAGE_RANK
from initcli.core.errors import WriteError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.atomic import atomic_file
from initcli.formats.safetensors import PREFIX


def storage_order(specs: Iterable[TensorSpec]) -> list[TensorSpec]:
    """Orders tensors as the reference writer does: widest dtype first, then by name."""
    return sorted(specs, key=lambda spec: (-STORAGE_RANK[spec.dtype.code], spec.name.encode()))


@dataclass(frozen=True, slots=True)
class SafetensorsWriter:
    """Accepts the tensors of one file, each in consecutive chunks, in storage order."""

    file: BinaryIO
    order: tuple[TensorSpec, ...]

    def write(self, spec: TensorSpec, chunks: Iterable[memoryview]) -> None:
        """Appends one tensor.

        Args:
            spec: The tensor whose turn it is.
            chunks: Its bytes, little-endian and row-major.

        Raises:
            WriteError: The chunks do not add up to the tensor's size.
        """
        written = sum(self.file.write(chunk) for chunk in chunks)
        if written != spec.nbytes:
            message = f"{written:,} bytes for a tensor of {spec.nbytes:,}"
            raise WriteError(message, where=visible(spec.name, 200))


@contextmanager
def safetensors_writer(
    path: Path,
    specs: Iterable[TensorSpec],
    metadata: Mapping[str, str],
    *,
    overwrite: bool,
) -> Iterator[SafetensorsWriter]:
    """Reserves the whole file, so that a full disk is known before anything is drawn.

    Raises:
        OutputError: The final name is taken or cannot be written.
        WriteError: The system refused a write, or not every tensor was written.
    """
    order = tuple(storage_order(specs))
    header = _header(order, metadata)
    size = len(header) + sum(spec.nbytes for spec in order)
    with atomic_file(path, overwrite=overwrite) as file:
        _reserve(file, size)
        file.write(header)
        yield SafetensorsWriter(file, order)
        if file.tell() != size:
            message = f"{file.tell():,} bytes were written of {size:,}"
            raise WriteError(message, where=visible(str(path), 300))


def _header(order: Iterable[TensorSpec], metadata: Mapping[str, str]) -> bytes:
    document: dict[str, object] = (
        {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    )
    position = 0
    for spec in order:
        end = position + spec.nbytes
        document[spec.name] = {
            "dtype": spec.dtype.code,
            "shape": list(spec.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % PREFIX)
    return len(text).to_bytes(PREFIX, "little") + text


def _reserve(file: BinaryIO, size: int) -> None:
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file.fileno(), 0, size)
