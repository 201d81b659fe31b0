from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counted import COUNTED, reference
from initcli.core.dtypes import DTYPES
from initcli.statistics.fold import accumulate
from initcli.statistics.grid import Signs, grid_of, is_counted
from initcli.statistics.table import Table

WIDE = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8"}
LEAST, MOST = 2.0**-126, 2.0**128


def key_of(value: float, code: str) -> int:
    """Returns the one key under which a value of a wide dtype is counted."""
    raw = memoryview(np.array([value], WIDE[code]).tobytes())
    (key,) = accumulate(raw, DTYPES[code]).table.keys.tolist()
    return int(key)


def assert_in_cell(value: float, code: str) -> None:
    grid, key = grid_of(DTYPES[code]), key_of(value, code)
    low, high = abs(grid.low[key]), abs(grid.high[key])
    assert low <= abs(value) <= high
    assert math.copysign(1, grid.low[key]) == math.copysign(1, value)
    if LEAST <= abs(value) < MOST * (1 - 2**-8):
        assert abs(value) < high
        assert high - low <= 2**-7 * low


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_lies_in_its_cell(value: float) -> None:
    assert_in_cell(value, "F32")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float64_lies_in_its_cell(value: float) -> None:
    assert_in_cell(value, "F64")


@pytest.mark.parametrize("code", ["I32", "U32", "I64", "U64"])
@given(data=st.data())
def test_an_integer_lies_in_its_cell(code: str, data: st.DataObject) -> None:
    limits = np.iinfo(DTYPES[code].numpy)
    bits = data.draw(st.integers(0, 64))
    whole = data.draw(st.integers(int(limits.min) >> bits, int(limits.max) >> bits))
    assert_in_cell(whole, code)


@pytest.mark.parametrize("code", ["F32", "F64"])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_first_and_last_cells_hold_what_is_beyond(code: str, sign: int) -> None:
    for value in (5e-324, 1e-310, 1e-45, 2.0**-133, np.nextafter(LEAST, 0), LEAST):
        assert_in_cell(np.copysign(np.array(value, WIDE[code]), sign).item(), code)
    largest = float(np.finfo(WIDE[code]).max)
    for value in (MOST * (1 - 2**-8), np.nextafter(MOST, 0), MOST, largest):
        assert_in_cell(sign * min(value, largest), code)


@pytest.mark.parametrize("code", ["F32", "F64"])
def test_what_is_not_finite_has_keys_of_its_own(code: str) -> None:
    grid = grid_of(DTYPES[code])
    for value in (math.inf, -math.inf, math.nan):
        assert grid.low[key_of(value, code)] == pytest.approx(value, nan_ok=True)
        assert grid.high[key_of(value, code)] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("code", ["F32", "F64"])
def test_a_nan_of_any_payload_is_no_infinity(code: str) -> None:
    infinity = {"F32": 0x7F800000, "F64": 0x7FF0000000000000}[code]
    patterns = np.array([infinity + 1, infinity | (infinity >> 1)], f"<u{WIDE[code][2]}")
    patterns = np.concatenate([patterns, patterns | np.flip(patterns)])
    seen = accumulate(memoryview(patterns.tobytes()), DTYPES[code])
    assert seen.summary.nan == seen.summary.count == 4
    if code == "F32":  # its key is its upper half, which does not tell a payload from none
        return
    assert np.isnan(grid_of(DTYPES[code]).low[seen.table.keys]).all()


@pytest.mark.parametrize("code", COUNTED)
def test_keys_of_counted_values_stand_for_them_and_ascend(code: str) -> None:
    grid = grid_of(DTYPES[code])
    patterns = np.arange(grid.low.size)
    stored = f"<u{max(8, DTYPES[code].bits) // 8}"
    values = reference(memoryview(patterns.astype(stored).tobytes()), DTYPES[code])
    values = values[::2] if code == "F4" else values
    assert grid.is_exact
    assert np.array_equal(grid.low, values, equal_nan=True)
    keys, counts = grid.ascending(Table(patterns, patterns + 1))
    assert np.array_equal(grid.low[keys], np.sort(values[np.isfinite(values)]))
    assert np.array_equal(counts, keys + 1)


@pytest.mark.parametrize("code", WIDE)
def test_cells_ascend_without_gaps(code: str) -> None:
    grid = grid_of(DTYPES[code])
    every = np.arange(grid.low.size)
    keys, _ = grid.ascending(Table(every, np.ones_like(every)))
    middles = np.sort(np.stack([grid.low[keys], grid.high[keys]]), axis=0).mean(axis=0)
    first, last = (int(np.searchsorted(np.abs(middles[middles > 0]), x)) for x in (LEAST, 1e38))
    kept = middles[middles > 0][first:last]
    assert (np.diff(kept) > 0).all()
    assert (grid.signs, grid.is_exact) == (Signs.MAGNITUDE, False)
    positive = np.arange(0x80, 0x7F7F)
    assert np.array_equal(grid.high[positive], grid.low[positive + 1])
    assert np.array_equal(grid.low[positive], -grid.low[positive + 0x8000])


@pytest.mark.parametrize("code", ["C64", "F6_E2M3", "F6_E3M2"])
def test_what_has_no_order_or_no_meaning_has_no_grid(code: str) -> None:
    assert not is_counted(DTYPES[code])
    with pytest.raises(ValueError, match=f"{code} values are not counted"):
        grid_of(DTYPES[code])
