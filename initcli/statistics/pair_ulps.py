"""How many representable values lie between those of two tensors of one float dtype."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.statistics.decode import TILE, Array, tiles, widen

_LIMB = 32


@dataclass(frozen=True, slots=True)
class Ulps:
    """Distances in units in the last place, exactly: neighbouring values are one apart.

    Attributes:
        pairs: Pairs of which both values are finite.
        total: Their distances summed.
        largest: The largest of them.
    """

    pairs: int = 0
    total: int = 0
    largest: int = 0

    @property
    def mean(self) -> float:
        """The mean distance; NaN without a pair."""
        return self.total / self.pairs if self.pairs else math.nan

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""
        return type(self)(
            self.pairs + other.pairs, self.total + other.total, max(self.largest, other.largest)
        )


class UlpFold:
    """Counts representable values between those at the same places, chunk by chunk.

    Both zeros are one value, and from the least negative to the least positive one it is two.

    Args:
        dtype: A decoded float dtype, that of both tensors.
    """

    def __init__(self, dtype: DType) -> None:
        self._dtype = dtype
        self._ulps = Ulps()

    def add(self, raw_a: memoryview, raw_b: memoryview) -> None:
        """Adds as many whole values of both, little-endian, row-major."""
        size = TILE * self._dtype.bits // 8
        for start in range(0, len(raw_a), size):
            part = slice(start, start + size)
            self._ulps += _ulps(raw_a[part], raw_b[part], self._dtype)

    def result(self) -> Ulps:
        """Returns the distances; nothing may be added afterwards."""
        return self._ulps


def _ulps(raw_a: memoryview, raw_b: memoryview, dtype: DType) -> Ulps:
    is_finite = _is_finite(raw_a, dtype) & _is_finite(raw_b, dtype)
    a, b = (_places(raw, dtype)[is_finite] for raw in (raw_a, raw_b))
    # Distances of float64 reach 2⁶⁴, which wraps to what it should be as unsigned.
    gap = np.where(a >= b, a - b, b - a).view(np.uint64)
    low, high = gap & np.uint64(2**_LIMB - 1), gap >> np.uint64(_LIMB)
    total = int(low.sum()) + (int(high.sum()) << _LIMB)
    return Ulps(gap.size, total, int(gap.max(initial=0)))


def _is_finite(raw: memoryview, dtype: DType) -> NDArray[np.bool_]:
    (tile,) = tiles(raw, dtype)
    return np.isfinite(widen(tile))


def _places(raw: memoryview, dtype: DType) -> NDArray[np.int64]:
    """Returns the place of each value among all there are, in their order; zeros have 0."""
    patterns = _patterns(raw, dtype)
    if dtype.code == "F8_E8M0":  # which has no sign
        return patterns.astype(np.int64)
    is_negative = patterns >> (dtype.bits - 1) == 1
    sizes = (patterns & ((1 << (dtype.bits - 1)) - 1)).astype(np.int64)
    return np.where(is_negative, -sizes, sizes)


def _patterns(raw: memoryview, dtype: DType) -> Array:
    if dtype.is_packed:
        pairs = np.frombuffer(raw, np.uint8)
        return np.stack([pairs & 15, pairs >> 4], axis=1).reshape(-1)
    return np.frombuffer(raw, f"<u{dtype.itemsize}")
