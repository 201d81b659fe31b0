"""Checkpoints made for measuring: large ones of plausible values, and ones of many tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.formats.writing.placed import open_placed, reserve
from initcli.formats.writing.safetensors_layout import safetensors_layout

_BLOCK = 1 << 23
_SIDE = 2048


def large(path: Path, code: str, nbytes: int, *, seed: int = 0, tensors: int | None = None) -> Path:
    """Writes normal values with std 0.02: matrices, a vector after each, as in a transformer.

    Args:
        path: The file.
        code: A float dtype.
        nbytes: About how large.
        seed: Two files of one seed are equal, and of two seeds differ everywhere.
        tensors: How many matrices; by default as many as make square ones of side 2,048.
    """
    dtype = DTYPES[code]
    values = nbytes // dtype.itemsize
    rows = max(1, values // _SIDE // (tensors or max(1, values // _SIDE**2)))
    count = max(1, values // (rows * _SIDE))
    matrices = [TensorSpec(f"layers.{i}.weight", dtype, (rows, _SIDE)) for i in range(count)]
    vectors = [TensorSpec(f"layers.{i}.bias", dtype, (_SIDE,)) for i in range(count)]
    _write(path, [*matrices, *vectors], _noise(code, seed))
    return path


def many(path: Path, code: str, tensors: int, length: int = 10) -> Path:
    """Writes many short vectors of random values."""
    specs = [TensorSpec(f"layers.{i}.norm.weight", DTYPES[code], (length,)) for i in range(tensors)]
    _write(path, specs, _noise(code, 0))
    return path


def sparse(path: Path, code: str, nbytes: int) -> Path:
    """Makes a file of one tensor of zeros, of which storage holds the header only."""
    header = (
        f'{{"w":{{"dtype":"{code}","shape":[{nbytes // DTYPES[code].itemsize}],'
        f'"data_offsets":[0,{nbytes}]}}}}'
    ).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + nbytes)
    return path


def _noise(code: str, seed: int) -> memoryview:
    values: NDArray[np.float32] = np.random.default_rng(seed).standard_normal(_BLOCK, np.float32)
    return memoryview((values * np.float32(0.02)).astype(DTYPES[code].numpy).view(np.uint8))


def _write(path: Path, specs: Iterable[TensorSpec], noise: memoryview) -> None:
    layout = safetensors_layout(specs, {})
    reserve(path, layout)
    with open_placed(path) as file:
        for number, place in enumerate(layout.places):
            offset, spec = place.offset, place.spec
            for part in _cut(noise, spec.nbytes, start=number * 40_000 * spec.dtype.itemsize):
                file.write(offset, part)
                offset += len(part)


def _cut(noise: memoryview, nbytes: int, start: int) -> Iterator[memoryview]:
    """Yields bytes of a ring of noise."""
    start %= len(noise)
    while nbytes:
        part = noise[start : start + nbytes]
        yield part
        nbytes -= len(part)
        start = 0
