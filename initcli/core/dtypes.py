"""The dtypes a checkpoint may hold, named as safetensors names them."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean

if TYPE_CHECKING:
    import numpy as np

BYTE = 8


class Kind(enum.Enum):
    """What the bits of a value mean."""

    BOOL = "bool"
    INTEGER = "integer"
    FLOAT = "float"
    COMPLEX = "complex"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DType:
    """A dtype as storage holds it.

    Attributes:
        code: The name in a safetensors header.
        bits: Bits a value, or a block of them; those of packed dtypes share bytes.
        kind: What the bits mean.
        array: The NumPy dtype's name (from ml_dtypes where NumPy has none); empty if undecoded.
        torch: The attribute of `torch`.
        obstacle: Why values cannot be turned into numbers here; empty if they can.
        block: Values that share the bits, which no single one has; always 1 if decoded.
    """

    code: str
    bits: int
    kind: Kind
    array: str
    torch: str
    obstacle: str = ""
    block: int = 1

    @property
    def is_float(self) -> bool:
        """Whether values are real floating-point numbers."""
        return self.kind is Kind.FLOAT

    @property
    def is_decoded(self) -> bool:
        """Whether values of this dtype can be turned into numbers here."""
        return bool(self.array)

    @property
    def is_packed(self) -> bool:
        """Whether several values share a byte."""
        return self.bits < BYTE

    @property
    def is_drawable(self) -> bool:
        """Whether a float32 draw can be cast to this dtype."""
        return self.is_float and not self.is_packed and self.code != "F8_E8M0"

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy dtype, little-endian as safetensors stores it."""
        return _numpy_dtype(self.array)

    @property
    def itemsize(self) -> int:
        """Bytes a value; only for dtypes of whole bytes."""
        return self.bits // BYTE

    @property
    def largest(self) -> float:
        """The largest finite value."""
        return float(_float_info(self.array).max)

    @property
    def smallest_normal(self) -> float:
        """What is nearer to zero, and not zero, is subnormal; 0 where nothing is."""
        return 0.0 if self.code == "F8_E8M0" else float(_float_info(self.array).smallest_normal)

    @property
    def least(self) -> float:
        """The smallest value above zero."""
        return float(_float_info(self.array).smallest_subnormal)

    @property
    def saturates(self) -> bool:
        """Whether torch casts what is too large to the largest value, not to infinity or NaN."""
        return self.code == "F8_E4M3"

    @property
    def epsilon(self) -> float:
        """The spacing of values just above one."""
        return float(_float_info(self.array).eps)


@functools.cache
def _numpy_dtype(name: str) -> np.dtype[Any]:
    import numpy as np  # 0.1 s, and a header is read without it

    if hasattr(np, name):
        return np.dtype(f"<{np.dtype(name).str[1:]}")
    import ml_dtypes

    extended: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return extended


@functools.cache
def _float_info(name: str) -> Any:  # noqa: ANN401 - ml_dtypes.finfo has no public type
    import ml_dtypes

    return ml_dtypes.finfo(_numpy_dtype(name))  # type: ignore[no-untyped-call]


def undecoded(code: str, bits: int, kind: Kind, obstacle: str, block: int = 1) -> DType:
    """Returns a dtype whose values can be told apart but not turned into numbers.

    Args:
        code: How whoever wrote it calls it.
        bits: Bits a value or block.
        kind: What the bits mean.
        obstacle: Why not, as reports say it.
        block: Values that share the bits.
    """
    return DType(code, bits, kind, "", "", obstacle, block)


def _f6(code: str) -> DType:
    obstacle = f"safetensors does not say how {code} values share their bytes"
    return undecoded(code, 6, Kind.FLOAT, obstacle)


# In the order of the reference implementation, which also orders tensors in a file.
DTYPES = {
    dtype.code: dtype
    for dtype in (
        DType("BOOL", 8, Kind.BOOL, "bool_", "bool"),
        DType("F4", 4, Kind.FLOAT, "float4_e2m1fn", "float4_e2m1fn_x2"),
        _f6("F6_E2M3"),
        _f6("F6_E3M2"),
        DType("U8", 8, Kind.INTEGER, "uint8", "uint8"),
        DType("I8", 8, Kind.INTEGER, "int8", "int8"),
        DType("F8_E5M2", 8, Kind.FLOAT, "float8_e5m2", "float8_e5m2"),
        DType("F8_E4M3", 8, Kind.FLOAT, "float8_e4m3fn", "float8_e4m3fn"),
        DType("F8_E8M0", 8, Kind.FLOAT, "float8_e8m0fnu", "float8_e8m0fnu"),
        DType("F8_E4M3FNUZ", 8, Kind.FLOAT, "float8_e4m3fnuz", "float8_e4m3fnuz"),
        DType("F8_E5M2FNUZ", 8, Kind.FLOAT, "float8_e5m2fnuz", "float8_e5m2fnuz"),
        DType("I16", 16, Kind.INTEGER, "int16", "int16"),
        DType("U16", 16, Kind.INTEGER, "uint16", "uint16"),
        DType("F16", 16, Kind.FLOAT, "float16", "float16"),
        DType("BF16", 16, Kind.FLOAT, "bfloat16", "bfloat16"),
        DType("I32", 32, Kind.INTEGER, "int32", "int32"),
        DType("U32", 32, Kind.INTEGER, "uint32", "uint32"),
        DType("F32", 32, Kind.FLOAT, "float32", "float32"),
        DType("C64", 64, Kind.COMPLEX, "complex64", "complex64"),
        DType("F64", 64, Kind.FLOAT, "float64", "float64"),
        DType("I64", 64, Kind.INTEGER, "int64", "int64"),
        DType("U64", 64, Kind.INTEGER, "uint64", "uint64"),
    )
}

FOREIGN = {
    "C128": DType("C128", 128, Kind.COMPLEX, "", "complex128", "C128 values are not decoded")
}
"""Dtypes that safetensors has none for, named alike; their values are not decoded."""

STORAGE_RANK = {code: rank for rank, code in enumerate(DTYPES)}

_SHORT = {"fp16": "F16", "half": "F16", "fp32": "F32", "float": "F32", "fp64": "F64"}
_ALIASES = (
    {dtype.torch: dtype.code for dtype in DTYPES.values() if dtype.torch}
    | {dtype.code.lower(): dtype.code for dtype in DTYPES.values()}
    | {"f8_e4m3fn": "F8_E4M3", "fp8_e4m3": "F8_E4M3", "fp8_e5m2": "F8_E5M2", "double": "F64"}
    | _SHORT
)


def parse_dtype(text: str) -> DType:
    """Returns the dtype a user names, be it `bf16`, `bfloat16`, `F32` or `float8_e4m3fn`.

    Raises:
        OptionError: No dtype has that name.
    """
    code = _ALIASES.get(text.lower())
    if code is None:
        raise OptionError(f"unknown dtype {text!r}", hint=did_you_mean(text.lower(), _ALIASES))
    return DTYPES[code]
