"""How GGUF stores the values of a tensor: one by one, or in blocks that share scales.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (`ggml_type`), and
https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py (`GGML_QUANT_SIZES`)
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from initcli.core.dtypes import BYTE, DTYPES, DType, Kind, undecoded


@dataclass(frozen=True, slots=True)
class GgufType:
    """A type of tensor.

    Attributes:
        code: What GGUF calls it.
        block: Values that are stored together.
        size: Bytes they take.
        is_dequantised: Whether the `gguf` library turns blocks into numbers.
    """

    code: str
    block: int
    size: int
    is_dequantised: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether values are stored one by one."""
        return self.block == 1

    def dtype(self, *, is_big: bool) -> DType:
        """Returns the dtype of the values as they are read.

        Args:
            is_big: Whether the file is big-endian.
        """
        if self.is_plain:
            return DTYPES[self.code]
        obstacle = self._obstacle(is_big=is_big)
        if not obstacle:
            return DTYPES["F32"]
        return undecoded(self.code, BYTE * self.size, Kind.FLOAT, obstacle, self.block)

    def _obstacle(self, *, is_big: bool) -> str:
        if not self.is_dequantised:
            return f"{self.code} values are not decoded by the gguf library"
        if is_big:
            return f"{self.code} values are not decoded in big-endian files"
        if importlib.util.find_spec("gguf") is None:
            return f"{self.code} values are decoded by: pip install 'initcli[gguf]'"
        return ""


TYPES = {
    0: GgufType("F32", 1, 4),
    1: GgufType("F16", 1, 2),
    2: GgufType("Q4_0", 32, 18),
    3: GgufType("Q4_1", 32, 20),
    6: GgufType("Q5_0", 32, 22),
    7: GgufType("Q5_1", 32, 24),
    8: GgufType("Q8_0", 32, 34),
    9: GgufType("Q8_1", 32, 40, is_dequantised=False),
    10: GgufType("Q2_K", 256, 84),
    11: GgufType("Q3_K", 256, 110),
    12: GgufType("Q4_K", 256, 144),
    13: GgufType("Q5_K", 256, 176),
    14: GgufType("Q6_K", 256, 210),
    15: GgufType("Q8_K", 256, 292, is_dequantised=False),
    16: GgufType("IQ2_XXS", 256, 66),
    17: GgufType("IQ2_XS", 256, 74),
    18: GgufType("IQ3_XXS", 256, 98),
    19: GgufType("IQ1_S", 256, 50),
    20: GgufType("IQ4_NL", 32, 18),
    21: GgufType("IQ3_S", 256, 110),
    22: GgufType("IQ2_S", 256, 82),
    23: GgufType("IQ4_XS", 256, 136),
    24: GgufType("I8", 1, 1),
    25: GgufType("I16", 1, 2),
    26: GgufType("I32", 1, 4),
    27: GgufType("I64", 1, 8),
    28: GgufType("F64", 1, 8),
    29: GgufType("IQ1_M", 256, 56),
    30: GgufType("BF16", 1, 2),
    34: GgufType("TQ1_0", 256, 54),
    35: GgufType("TQ2_0", 256, 66),
    39: GgufType("MXFP4", 32, 17),
    40: GgufType("NVFP4", 64, 36),
    41: GgufType("Q1_0", 128, 18, is_dequantised=False),
}
