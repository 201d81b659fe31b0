"""Turns stored bytes into numbers with NumPy, tile by tile so that tiles stay in cache."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

# Imported before there are threads. It adds to a table of NumPy's that others of NumPy's modules
# go through when they are first needed, maybe by a thread at that moment.
import ml_dtypes  # noqa: F401
import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType, Kind

# 64 KiB as float64: larger temporaries would be faulted in afresh for every tile.
TILE = 1 << 13

Array = NDArray[Any]


def values_of(raw: memoryview, dtype: DType) -> Array:
    """Returns consecutive values as an array, of the stored bytes themselves where they can be.

    Args:
        raw: Whole values, little-endian, row-major.
        dtype: A decoded dtype. Values of four bits come two from a byte, the lower bits first.
    """
    if dtype.is_packed:
        return np.asarray(_pairs(dtype)[np.frombuffer(raw, np.uint8)]).reshape(-1)
    # Booleans are read as bytes: a stored 2 is true, and NumPy would trust it to be 0 or 1.
    return np.frombuffer(raw, np.uint8 if dtype.kind is Kind.BOOL else dtype.numpy)


@functools.cache
def _pairs(dtype: DType) -> Array:
    """Returns both values of every byte, as a (256, 2) array."""
    patterns = np.arange(256, dtype=np.uint8)
    halves = np.stack([patterns & 15, patterns >> 4], axis=1)
    return halves.view(dtype.numpy).astype(np.float32)


def tiles(raw: memoryview, dtype: DType) -> Iterator[Array]:
    """Yields arrays of at most `TILE` consecutive values."""
    size = TILE * dtype.bits // 8
    for start in range(0, len(raw), size):
        yield values_of(raw[start : start + size], dtype)


def widen(tile: Array) -> Array:
    """Returns the values as float64 or complex128."""
    with np.errstate(invalid="ignore"):  # a signalling NaN warns when it is converted
        return tile.astype(np.complex128 if tile.dtype.kind == "c" else np.float64)
