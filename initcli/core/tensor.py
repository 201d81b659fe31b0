"""What is known of a tensor before any value is read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from initcli.core.dtypes import DType

Shape = tuple[int, ...]
_LARGEST = 2**64 - 1


def bits_of(shape: Sequence[int], bits: int) -> int | None:
    """Returns the bits of a tensor; None where a format's 64-bit numbers cannot tell them.

    It stops at the first overflow: a million huge factors would be multiplied for hours.

    Args:
        shape: Its lengths along each dimension.
        bits: What a value takes.
    """
    product = 1
    for factor in (*shape, bits):
        product *= factor
        if product > _LARGEST:
            return None
    return product


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor's fully qualified name, dtype and logical shape.

    Attributes:
        name: The name.
        dtype: That of the values as they are read.
        shape: The lengths along each dimension.
        stored_as: What storage calls a dtype whose values are not stored one by one, such as
            Q4_K; empty where they are.
    """

    name: str
    dtype: DType
    shape: Shape
    stored_as: str = ""

    @property
    def dtype_name(self) -> str:
        """What reports call the dtype: as it is stored."""
        return self.stored_as or self.dtype.code

    @property
    def parameters(self) -> int:
        """The number of values; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes in storage; packed dtypes share bytes between values."""
        return (self.parameters // self.dtype.block * self.dtype.bits + 7) // 8

    @property
    def is_matrix(self) -> bool:
        """Whether at least two dimensions are longer than one."""
        return sum(length > 1 for length in self.shape) >= 2  # noqa: PLR2004 - a matrix is 2-D
