"""Values that are not where a pattern has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DTYPES, DType
from initcli.statistics.decode import Array, values_of


@dataclass(frozen=True, slots=True)
class Strays:
    """Values that are not those of a pattern.

    Attributes:
        count: How many.
        first: The number of the first of them; None without one.
        value: What it is.
        expected: What the pattern has there.
    """

    count: int = 0
    first: int | None = None
    value: float = 0.0
    expected: float = 0.0

    def __add__(self, later: Self) -> Self:
        """Joins what was found among values that follow."""
        named = later if self.first is None else self
        return type(self)(self.count + later.count, named.first, named.value, named.expected)


def strays(stored: memoryview, drawn: memoryview, dtype: DType, start: int = 0) -> Strays:
    """Compares stored values with those of a pattern as it is drawn.

    Equal are values of which either is next to the other in the coarser of the dtype and float32,
    in which patterns are drawn: libraries differ by so much in a logarithm. Both zeros are equal.

    Args:
        stored: Consecutive values as the checkpoint has them.
        drawn: The pattern's, cast to the dtype.
        dtype: A drawable dtype.
        start: The number of the first of them.
    """
    if stored == drawn:
        return Strays()
    found, expected = values_of(stored, dtype), values_of(drawn, dtype)
    is_stray = _differ(found, expected)
    if not is_stray.any():
        return Strays()
    first = int(is_stray.argmax())
    count = int(np.count_nonzero(is_stray))
    return Strays(count, start + first, float(found[first]), float(expected[first]))


def _differ(found: Array, expected: Array) -> NDArray[np.bool_]:
    with np.errstate(over="ignore", invalid="ignore"):
        if found.dtype == DTYPES["F64"].numpy:
            found, expected = found.astype(np.float32), expected.astype(np.float32)
        is_close = np.isfinite(found) & np.isfinite(expected)
        is_close &= np.abs(_ranks(found) - _ranks(expected)) <= 1
        # Of what is not finite, the same infinity is equal and NaN is not.
        return np.asarray(~(is_close | (found == expected)))


def _ranks(values: Array) -> NDArray[np.int64]:
    """Returns whole numbers of which neighbouring values have neighbouring ones."""
    bits = 8 * values.dtype.itemsize
    patterns = values.view(f"<u{values.dtype.itemsize}").astype(np.int64)
    sizes = patterns & ((1 << bits - 1) - 1)
    return np.where(patterns >> bits - 1, -sizes, sizes)
