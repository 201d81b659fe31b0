"""Distances in units in the last place, held against libraries that step from value to value."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from initcli.core.dtypes import DTYPES
from initcli.statistics.decode import TILE
from initcli.statistics.pair_ulps import UlpFold, Ulps
from raw import FLOATS, bits, every_pattern, stored

RNG = np.random.default_rng(5)


def between(raw_a: memoryview, raw_b: memoryview, code: str) -> Ulps:
    fold = UlpFold(DTYPES[code])
    fold.add(raw_a, raw_b)
    return fold.result()


@pytest.mark.parametrize("code", ["F16", "F32", "F64"])
@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_so_many_steps_to_the_next_value_are_so_many_units(code: str, steps: int) -> None:
    dtype = DTYPES[code].numpy
    start = RNG.normal(0, 1, TILE + 5).astype(dtype)
    values = start
    for _ in range(steps):
        values = np.nextafter(values, dtype.type(9))
    found = between(*(memoryview(each.tobytes()) for each in (start, values)), code)
    assert found == Ulps(start.size, steps * start.size, steps)
    assert found.mean == steps


@pytest.mark.parametrize("code", [code for code in FLOATS if DTYPES[code].bits <= 16])
def test_all_finite_values_in_order_are_one_apart(code: str) -> None:
    dtype = DTYPES[code].numpy
    with np.errstate(invalid="ignore"):
        values = np.frombuffer(every_pattern(code), dtype)
        wide = values.astype(np.float64)
    ordered = np.unique(wide[np.isfinite(wide)])  # which leaves one zero
    below, above = ordered[:-1].astype(dtype), ordered[1:].astype(dtype)
    found = between(*(memoryview(each.tobytes()) for each in (below, above)), code)
    assert found == Ulps(ordered.size - 1, ordered.size - 1, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_agrees_with_steps_of_torch(dtype: torch.dtype) -> None:
    start = torch.tensor([1.0, -1.0, 0.0, 1e-40, -3e38], dtype=dtype)
    end = start
    for _ in range(5):
        end = torch.nextafter(end, torch.tensor(-math.inf, dtype=dtype))
    code = "F32" if dtype is torch.float32 else "F64"
    raws = (memoryview(each.numpy().tobytes()) for each in (start, end))
    assert between(*raws, code) == Ulps(5, 25, 5)


def test_both_zeros_are_one_value() -> None:
    assert between(stored([0.0, -0.0], "F32"), stored([-0.0, 0.0], "F32"), "F32").total == 0
    tiny = 2.0**-149
    assert between(stored([tiny], "F32"), stored([-tiny], "F32"), "F32").total == 2


def test_the_largest_distance_of_float64_is_exact() -> None:
    largest = np.finfo(np.float64).max
    found = between(stored([largest] * 3, "F64"), stored([-largest] * 3, "F64"), "F64")
    assert found.largest == 2 * 0x7FEFFFFFFFFFFFFF
    assert found.total == 3 * found.largest


def test_what_is_not_finite_has_no_distance() -> None:
    a, b = [math.nan, 1.0, math.inf, 2.0], [1.0, math.nan, math.inf, 2.0]
    assert between(stored(a, "BF16"), stored(b, "BF16"), "BF16") == Ulps(1, 0, 0)
    assert math.isnan(Ulps().mean)


def test_four_bits_are_taken_apart() -> None:
    raw_a, raw_b = bits([0x21], "U8"), bits([0xA3], "U8")  # 0.5, 1; 1.5, −1
    assert between(raw_a, raw_b, "F4") == Ulps(2, 2 + 4, 4)
