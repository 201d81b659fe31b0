"""The inner loops with NumPy: the reference of `_compiled.c`, and what serves without a compiler.

Both have the same functions, counts agree exactly, and sums to float64 rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Counts = NDArray[np.uint32]
Scan = tuple[
    int, int, int, int, int, int, float, float, float, float, float, float, float
]  # as `scan` returns it
Sums = tuple[float, float, float, float]
Gap = tuple[int, int, int, int, float, float, float, float]
Side = tuple[int, float, float, float]

# 64 KiB as float64 stay in cache, and below 10,000 values OpenBLAS sums on one thread.
_TILE = 1 << 13
_DUST = 1e-12
_STORED = {"f": "<f4", "d": "<f8", "b": "<u2", "H": "<u2", "B": "u1"}
_SMALLEST = {"f": 2.0**-126, "d": 2.0**-1022}


def count_bytes(values: memoryview, table: Counts) -> None:
    """Counts every byte in a table of 256 counts."""
    _count(np.frombuffer(values, np.uint8), table)


def count_halves(values: memoryview, table: Counts) -> None:
    """Counts every pattern of 16 bits in a table of 65,536 counts."""
    _count(np.frombuffer(values, "<u2"), table)


def _values(raw: memoryview, code: str) -> Array:
    if code not in _STORED:
        message = f"no kind of value has the code {code}"
        raise ValueError(message)
    return np.frombuffer(raw, _STORED[code])


def _count(keys: Array, table: Counts) -> None:
    np.add(table, np.bincount(keys, minlength=table.size), out=table, casting="unsafe")


def scan(values: memoryview, code: str, table: Counts) -> Scan:
    """Counts wide floats by their leading bits, and sums powers of the finite ones.

    Args:
        values: Whole values.
        code: `f` for float32, `d` for float64.
        table: 65,536 counts, keyed by sign, exponent and seven mantissa bits as bfloat16 has
            them; below 2⁻¹²⁶ a double counts as zero, from 2¹²⁸ on as the largest of these.

    Returns:
        The numbers of finite values, NaN, +∞, −∞, zeros and subnormals; the least and greatest
        finite value; a shift near the mean, and Σ(x − shift)ᵏ for k = 1 … 4.
    """
    array = _values(values, code)
    _count(cells_of(array), table)
    finite, shift, sums = _finite_sums(array)
    counts = (finite.size, *_special(array, finite, _SMALLEST[code]))
    if not finite.size:
        return (*counts, np.inf, -np.inf, 0.0, 0.0, 0.0, 0.0, 0.0)
    return (*counts, float(finite.min()), float(finite.max()), shift, *sums)


def _special(array: Array, finite: Array, smallest: float) -> tuple[int, int, int, int, int]:
    """Counts NaN, +∞, −∞, zeros and subnormals; what is rare is looked for where there is any."""
    nan = positive = zeros = 0
    hurt = array.size - finite.size
    if hurt:
        nan = int(np.count_nonzero(np.isnan(array)))
        positive = int(np.count_nonzero(array == np.inf))
    tiny = int(np.count_nonzero(np.abs(finite) < smallest))
    if tiny:
        zeros = int(np.count_nonzero(finite == 0))
    return nan, positive, hurt - nan - positive, zeros, tiny - zeros


def _finite_sums(values: Array) -> tuple[Array, float, Sums]:
    """Returns the values that are finite, a shift near their mean, and power sums about it."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift, sums = _sums_near_mean(values)
        if np.isfinite(sums[3]):  # as it is not if any value is not
            return values, shift, sums
        finite = values[np.isfinite(values)]
        return finite, *_sums_near_mean(finite)


def _sums_near_mean(values: Array) -> tuple[float, Sums]:
    if not values.size:
        return 0.0, (np.nan,) * 4
    shift = float(values[:_TILE].mean(dtype=np.float64))
    sums = _power_sums(values, shift)
    if sums[0] * sums[0] > 0.5 * sums[1] * values.size:  # far from the mean, digits are lost
        shift += sums[0] / values.size
        sums = _power_sums(values, shift)
    return shift, sums


def cells_of(array: Array) -> Array:
    """Returns the keys under which `scan` counts float32 or float64 values."""
    if array.itemsize == np.dtype(np.float32).itemsize:
        return array.view("<u2")[1::2]
    bits = array.view("<u8")
    size = bits << np.uint64(1) >> np.uint64(1)
    key = (size >> np.uint64(45)).astype(np.int64) - ((1023 - 127) << 7)
    np.clip(key, 0, 0x7F7F, out=key)
    key[key < 1 << 7] = 0
    key[np.isinf(array)] = 0x7F80
    key[np.isnan(array)] = 0x7FC0
    return key | (bits >> np.uint64(63) << np.uint64(15)).astype(np.int64)


def _power_sums(values: Array, shift: float) -> Sums:
    first = second = third = fourth = 0.0
    space = np.empty((2, min(_TILE, values.size)))
    for tile in _tiles(values):
        off, square = space[:, : tile.size]
        np.copyto(off, tile)
        off -= shift
        np.multiply(off, off, out=square)
        first += float(off.sum())
        second += float(off @ off)
        third += float(square @ off)
        fourth += float(square @ square)
    return first, second, third, fourth


def _tiles(values: Array) -> Iterator[Array]:
    for start in range(0, len(values), _TILE):
        yield values[start : start + _TILE]


def total(values: memoryview, code: str) -> Side | None:
    """Sums wide floats without counting them.

    Args:
        values: Whole values.
        code: `f` for float32, `d` for float64.

    Returns:
        Their number, a shift, Σ(x − shift) and Σ(x − shift)²; None if a value or a sum is not
        finite.
    """
    side: Side = (0, 0.0, 0.0, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        for tile in _tiles(_values(values, code)):
            side = _with_values(side, tile.astype(np.float64))
    return side if np.isfinite(side[3]) else None


def compare(
    a: memoryview, b: memoryview, code: str, lookup: Array, tolerance: tuple[float, float]
) -> tuple[Gap, Side, Side] | None:
    """Compares floats at the same places of two chunks of one kind.

    Args:
        a: Whole values.
        b: As many.
        code: `f`, `d`, `b` for bfloat16; `H` and `B` for patterns that are looked up.
        lookup: The values of all patterns as float32, for `H` and `B`.
        tolerance: Relative and absolute: beyond is |a − b| > absolute + relative·|b|.

    Returns:
        The number of pairs, how many differ, how many are beyond, how many are of opposite sign (as
        the product tells), the largest |a − b|, Σ|a − b|, Σ|a − b|², Σab; and of each side the
        number, a shift, Σ(x − shift) and Σ(x − shift)².
        None if a value or a sum is not finite.
    """
    gap: Gap = (0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    side_a = side_b = (0, 0.0, 0.0, 0.0)
    one, other = _values(a, code), _values(b, code)
    if one.size != other.size:
        raise ValueError("chunks of unequal size")
    with np.errstate(over="ignore", invalid="ignore"):
        for tile_a, tile_b in zip(_tiles(one), _tiles(other), strict=True):
            values_a, values_b = _widened(tile_a, code, lookup), _widened(tile_b, code, lookup)
            side_a, side_b = _with_values(side_a, values_a), _with_values(side_b, values_b)
            gap = _with_pairs(gap, values_a, values_b, tolerance)
    is_finite = all(map(np.isfinite, (side_a[3], side_b[3], gap[6])))
    return (gap, side_a, side_b) if is_finite else None


def _widened(tile: Array, code: str, lookup: Array) -> Array:
    if code == "b":
        return (tile.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    return (lookup[tile] if code in "HB" else tile).astype(np.float64)


def _with_values(side: Side, values: Array) -> Side:
    count, shift, first, second = side
    if not count:
        shift, start = float(values.mean()), float(values[0])
        if abs(shift - start) < _DUST * abs(start):
            shift = start  # constants leave nothing, then, rather than rounding dust
    off = values - shift
    return count + values.size, shift, first + float(off.sum()), second + float(off @ off)


def _with_pairs(gap: Gap, a: Array, b: Array, tolerance: tuple[float, float]) -> Gap:
    relative, absolute = tolerance
    off = np.abs(a - b)
    beyond = np.count_nonzero(off > absolute + relative * np.abs(b))
    return (
        gap[0] + a.size,
        gap[1] + int(np.count_nonzero(a != b)),
        gap[2] + int(beyond),
        gap[3] + int(np.count_nonzero(a * b < 0)),
        max(gap[4], float(off.max(initial=0.0))),
        gap[5] + float(off.sum()),
        gap[6] + float(off @ off),
        gap[7] + float(a @ b),
    )


def same(a: memoryview, b: memoryview) -> bool:
    """Whether two chunks hold the same bytes."""
    return bool(np.array_equal(np.frombuffer(a, np.uint8), np.frombuffer(b, np.uint8)))
