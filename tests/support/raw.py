"""Values as a checkpoint stores them, and what they decode to."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from initcli.core.dtypes import DTYPES, DType, Kind
from initcli.core.tensor import TensorSpec
from initcli.schemes.layer import Layer
from initcli.schemes.registry import Draw
from initcli.schemes.spec import parse_scheme

DECODED = [code for code, dtype in DTYPES.items() if dtype.is_decoded and not dtype.is_packed]
FLOATS = [code for code in DECODED if DTYPES[code].is_float]
INTEGERS = [code for code, dtype in DTYPES.items() if dtype.kind is Kind.INTEGER]
DRAWABLE = [code for code, dtype in DTYPES.items() if dtype.is_drawable]


def stored(values: ArrayLike, code: str) -> memoryview:
    """Returns values cast to a dtype as its bytes."""
    with np.errstate(over="ignore", invalid="ignore"):
        return memoryview(np.asarray(values).astype(DTYPES[code].numpy).tobytes())


def bits(patterns: ArrayLike, code: str) -> memoryview:
    """Returns bit patterns as the bytes of a dtype."""
    return memoryview(np.asarray(patterns).astype(f"<u{DTYPES[code].itemsize}").tobytes())


def every_pattern(code: str) -> memoryview:
    """Returns each value of a dtype of at most 16 bits once."""
    return bits(np.arange(1 << DTYPES[code].bits), code)


def decoded(raw: memoryview, dtype: DType) -> NDArray[np.float64]:
    """Returns float64 values by the reference libraries' own casts."""
    with np.errstate(invalid="ignore"):
        return np.frombuffer(raw, dtype.numpy).astype(np.float64)


def spec(name: str, *shape: int, code: str = "F32") -> TensorSpec:
    """Returns a tensor's metadata."""
    return TensorSpec(name, DTYPES[code], shape)


def draw_of(scheme: str, shape: tuple[int, ...]) -> Draw:
    """Returns what a scheme, as a user writes it, does with a shape."""
    return parse_scheme(scheme).draw(Layer(shape))
