from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counted import reference
from initcli.core.dtypes import DTYPES
from initcli.statistics import fold
from initcli.statistics.fold import Fold, accumulate
from initcli.statistics.table import Table

KEYS = st.lists(st.integers(0, 2**16 - 1) | st.integers(0, 3), max_size=30)


def as_counts(table: Table) -> dict[int, int]:
    return dict(zip(table.keys.tolist(), table.counts.tolist(), strict=True))


@given(KEYS)
def test_a_table_counts_its_keys_in_ascending_order(keys: list[int]) -> None:
    direct = {key: keys.count(key) for key in sorted(keys)}
    dense = np.bincount(np.array(keys, np.int64), minlength=2**16).astype(np.uint32)
    for table in (Table.of_keys(np.array(keys, np.uint16)), Table.of(dense)):
        assert list(as_counts(table).items()) == list(direct.items())
        assert table.total == len(keys)
        assert (table.keys.dtype, table.counts.dtype) == (np.int64, np.int64)


@given(KEYS, KEYS)
def test_adding_tables_counts_the_keys_of_both(one: list[int], other: list[int]) -> None:
    a, b, both = (Table.of_keys(np.array(keys, np.int64)) for keys in (one, other, one + other))
    assert a + b == b + a == both
    assert a + Table.empty() == Table.empty() + a == a
    assert (a == b) == (sorted(one) == sorted(other))


def test_tables_differ_by_a_count_or_a_key_and_from_anything_else() -> None:
    table = Table.of_keys(np.array([1, 1, 2]))
    assert table != Table.of_keys(np.array([1, 2, 2]))
    assert table != Table.of_keys(np.array([1, 1, 3]))
    assert table != {1: 2, 2: 1}


@pytest.mark.parametrize("is_small", [True, False])
@pytest.mark.parametrize("byte", range(0, 256, 5))
def test_both_values_of_a_byte_are_counted(
    byte: int, is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "_FEW", 10**9 if is_small else 0)
    table = accumulate(memoryview(bytes([byte] * 3)), DTYPES["F4"]).table
    low, high = byte & 15, byte >> 4
    assert as_counts(table) == ({low: 6} if low == high else {low: 3, high: 3})


def test_the_lower_bits_of_a_byte_come_first() -> None:
    seen = accumulate(memoryview(bytes([0x21])), DTYPES["F4"])
    assert reference(memoryview(bytes([0x21])), DTYPES["F4"]).tolist() == [0.5, 1.0]
    assert (seen.summary.count, seen.summary.mean, seen.summary.subnormal) == (2, 0.75, 1)


@pytest.mark.parametrize("is_small", [True, False])
def test_any_nonzero_byte_is_the_one_key_of_true(
    is_small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "_FEW", 10**9 if is_small else 0)
    table = accumulate(memoryview(bytes([0, 1, 2, 255, 2, 0])), DTYPES["BOOL"]).table
    assert as_counts(table) == {0: 2, 1: 4}


@pytest.mark.parametrize("code", ["BF16", "U8", "F32"])
def test_counts_are_moved_on_before_they_overflow(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if 32-bit counts overflowed beyond 5000 bytes: tables emptied under way lose nothing."""
    rng = np.random.default_rng(0)
    raws = [memoryview(rng.integers(0, 60, 1200, np.uint8).tobytes()) for _ in range(20)]
    whole = accumulate(memoryview(b"".join(raws)), DTYPES[code])
    monkeypatch.setattr(fold, "_MOST", 5000)
    cut = Fold(DTYPES[code], 10**6)
    for raw in raws:
        cut.add(raw)
    found = cut.result()
    assert found.table == whole.table
    assert found.summary.count == whole.summary.count
    assert (found.summary.zeros, found.summary.subnormal) == (
        whole.summary.zeros,
        whole.summary.subnormal,
    )


def test_a_dtype_that_is_not_decoded_is_refused() -> None:
    with pytest.raises(ValueError, match="F6_E2M3 values are not decoded"):
        Fold(DTYPES["F6_E2M3"], 4)
