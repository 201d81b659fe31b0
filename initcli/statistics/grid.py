"""What the keys of a table stand for: one value each, or a cell of neighbouring values.

Dtypes of at most 16 bits have a key for every pattern. Wider numbers are keyed by sign, exponent
and seven mantissa bits, as bfloat16 has them: a cell from 2⁻¹²⁶ up to 2¹²⁸ is narrower than 2⁻⁷
of its values. What is smaller in size shares the cells around zero; what is larger, the last.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DTYPES, DType, Kind
from initcli.statistics.table import Table

Floats = NDArray[np.float64]
_COUNTED_BITS = 16
_FLOAT32_BITS = 32


class Signs(enum.Enum):
    """How patterns of a dtype lie on the number line."""

    NONE = "unsigned"
    COMPLEMENT = "two's complement"
    MAGNITUDE = "sign and magnitude"


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that keys stand for.

    Attributes:
        low: The value of each key that is nearest to zero; NaN and infinities included.
        high: The one furthest from zero, and the same one where a key is one value.
        signs: How keys lie on the number line.
        smallest: What is nearer to zero, and not zero, is subnormal; 0 where nothing is.
        is_exact: Whether each key is one value.
    """

    low: Floats
    high: Floats
    signs: Signs
    smallest: float
    is_exact: bool = True

    def ascending(self, table: Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the keys of finite values with their counts, in the order of their values."""
        finite = np.isfinite(self.low[table.keys])
        keys, counts = table.keys[finite], table.counts[finite]
        if self.signs is Signs.NONE:
            return keys, counts
        middle = int(np.searchsorted(keys, self.low.size // 2))
        step = -1 if self.signs is Signs.MAGNITUDE else 1
        return (
            np.concatenate([keys[middle:][::step], keys[:middle]]),
            np.concatenate([counts[middle:][::step], counts[:middle]]),
        )


def is_counted(dtype: DType) -> bool:
    """Whether a table has a key for every value of a dtype."""
    return dtype.is_decoded and dtype.bits <= _COUNTED_BITS


@functools.cache
def grid_of(dtype: DType) -> Grid:
    """Returns the grid in which values of a dtype are counted.

    Raises:
        ValueError: The dtype has none: it is not decoded, or complex.
    """
    if not dtype.is_decoded or dtype.kind is Kind.COMPLEX:
        message = f"{dtype.code} values are not counted"
        raise ValueError(message)
    return _exact_grid(dtype) if is_counted(dtype) else _cells(dtype)


def _exact_grid(dtype: DType) -> Grid:
    values = every_value(dtype)
    if dtype.is_float:
        signs = Signs.NONE if dtype.code == "F8_E8M0" else Signs.MAGNITUDE
        return Grid(values, values, signs, dtype.smallest_normal)
    signs = Signs.COMPLEMENT if values.min() < 0 else Signs.NONE
    return Grid(values, values, signs, 0.0)


def every_value(dtype: DType) -> Floats:
    """Returns what each pattern of a dtype of at most 16 bits stands for, by pattern."""
    if dtype.kind is Kind.BOOL:
        return np.array([0.0, 1.0])
    patterns = np.arange(1 << dtype.bits, dtype=f"<u{max(1, dtype.itemsize)}")
    with np.errstate(invalid="ignore"):  # signalling NaNs are among the patterns
        return patterns.view(dtype.numpy).astype(np.float64)


def _cells(dtype: DType) -> Grid:
    low = every_value(DTYPES["BF16"])
    high = np.copysign(np.append(np.abs(low[1:]), np.nan), low)
    high[~np.isfinite(low)] = low[~np.isfinite(low)]
    largest = np.isinf(high) & np.isfinite(low)
    high[largest] = np.copysign(np.finfo(np.float64).max, low[largest])
    cells = Grid(low, high, Signs.MAGNITUDE, 0.0, is_exact=False)
    return _without_subnormals(cells) if dtype.bits > _FLOAT32_BITS or not dtype.is_float else cells


def _without_subnormals(grid: Grid) -> Grid:
    """Widens the cells of zero to all that a wider dtype counts there."""
    high: Any = grid.high.copy()
    for key in (0, grid.low.size // 2):
        high[key] = grid.low[key + (1 << 7)]
    return replace(grid, high=high)
