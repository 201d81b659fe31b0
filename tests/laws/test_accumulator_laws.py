"""Accumulators merge: however values are cut, in whatever order, tables are identical."""

from __future__ import annotations

import math
from functools import reduce
from itertools import pairwise, permutations
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES, DType, Kind
from initcli.statistics import fold
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.exact_moments import ExactMoments
from initcli.statistics.fold import Fold, accumulate, nothing
from initcli.statistics.grid import is_counted
from initcli.statistics.moments import ComplexMoments, Moments
from initcli.statistics.table import Table

CODES = [code for code, dtype in DTYPES.items() if dtype.is_decoded]
COUNTED = [code for code in CODES if is_counted(DTYPES[code])]
COUNTS = ("count", "nan", "positive", "negative", "zeros", "subnormal", "minimum", "maximum")
# Of values up to s in size, moments of order k agree within this share of n·sᵏ.
SHARE = 1e-12
POWERS = {"mean": 1, "deviations": 2, "cubes": 3, "fourths": 4}


def whole_values(dtype: DType, most: int) -> st.SearchStrategy[bytes]:
    """Returns any bytes that are whole values: NaN payloads, infinities, subnormals, zeros."""
    size = max(8, dtype.bits) // 8
    any_bits = st.binary(max_size=most * size).map(lambda raw: raw[: len(raw) // size * size])
    few = st.lists(st.sampled_from([bytes(size), b"\x80" * size, b"\x3c" * size, b"\xff" * size]))
    return any_bits | few.map(b"".join)


@st.composite
def parts(draw: st.DrawFn, most: int = 16) -> tuple[DType, list[bytes]]:
    dtype = DTYPES[draw(st.sampled_from(CODES))]
    return dtype, draw(st.lists(whole_values(dtype, most), min_size=3, max_size=3))


def seen(raw: bytes, dtype: DType) -> Accumulator:
    return accumulate(memoryview(raw), dtype)


def real_moments(found: Accumulator) -> list[Moments | ExactMoments]:
    moments = found.summary.moments
    return [moments.real, moments.imaginary] if isinstance(moments, ComplexMoments) else [moments]


def size_of(raw: bytes, dtype: DType) -> float:
    """Returns the largest finite number among stored floats, by which moments are scaled."""
    if dtype.is_packed:
        return 6.0
    base = np.dtype(f"<f{dtype.itemsize // 2}") if dtype.kind is Kind.COMPLEX else dtype.numpy
    with np.errstate(invalid="ignore"):
        values = np.abs(np.frombuffer(raw, base).astype(np.float64))
    return float(values[np.isfinite(values)].max(initial=0.0))


def same(one: Accumulator, other: Accumulator, raw: bytes) -> None:
    """Tables, counts and extrema are identical; moments too, of integers, or to the tolerance."""
    assert one.dtype == other.dtype
    assert one.table == other.table
    left, right = one.summary, other.summary
    assert [getattr(left, key) for key in COUNTS] == [getattr(right, key) for key in COUNTS]
    size = size_of(raw, one.dtype) if one.dtype.kind in {Kind.FLOAT, Kind.COMPLEX} else 0.0
    for a, b in zip(real_moments(one), real_moments(other), strict=True):
        if isinstance(a, ExactMoments) or is_counted(one.dtype):
            assert repr(a) == repr(b)
        elif size < 1e75:  # beyond, powers leave float64
            same_floats(a, b, size)


def same_floats(a: Moments, b: Moments, size: float) -> None:
    assert a.count == b.count
    for key, power in POWERS.items():
        x, y = getattr(a, key), getattr(b, key)
        slack = SHARE * max(1, a.count) * size**power
        assert math.isnan(x) == math.isnan(y), key
        assert math.isnan(x) or abs(x - y) <= slack, key


def identity(dtype: DType) -> Accumulator:
    return Accumulator(dtype, Table.empty(), None if is_counted(dtype) else nothing(dtype))


@given(parts())
def test_an_empty_accumulator_is_the_identity(drawn: tuple[DType, list[bytes]]) -> None:
    dtype, (raw, *_) = drawn
    found = seen(raw, dtype)
    assert repr(found + identity(dtype)) == repr(identity(dtype) + found) == repr(found)
    assert repr(seen(b"", dtype)) == repr(identity(dtype))


@given(parts())
@settings(max_examples=200)
def test_merging_is_commutative(drawn: tuple[DType, list[bytes]]) -> None:
    dtype, (one, other, _) = drawn
    a, b = seen(one, dtype), seen(other, dtype)
    same(a + b, b + a, one + other)


@given(parts())
@settings(max_examples=200)
def test_merging_is_associative_in_any_order(drawn: tuple[DType, list[bytes]]) -> None:
    dtype, raws = drawn
    found = [seen(raw, dtype) for raw in raws]
    first = (found[0] + found[1]) + found[2]
    for a, b, c in permutations(found):
        same(first, a + (b + c), b"".join(raws))


@given(parts(most=40), st.data())
@settings(max_examples=300)
def test_the_result_does_not_depend_on_the_cuts(
    drawn: tuple[DType, list[bytes]], data: st.DataObject
) -> None:
    dtype, raws = drawn
    raw, size = b"".join(raws), max(8, dtype.bits) // 8
    whole = seen(raw, dtype)
    places = st.lists(st.integers(0, len(raw) // size), max_size=6)
    cuts = [0, *sorted(data.draw(places)), len(raw) // size]
    pieces = [raw[a * size : b * size] for a, b in pairwise(cuts)]
    same(whole, reduce(add, [seen(piece, dtype) for piece in pieces]), raw)
    one = Fold(dtype, len(raw) * 8 // dtype.bits)
    for piece in pieces:
        one.add(memoryview(piece))
    same(whole, one.result(), raw)


@given(st.data())
@settings(max_examples=200)
def test_few_values_are_counted_as_many_are(data: st.DataObject) -> None:
    dtype = DTYPES[data.draw(st.sampled_from(COUNTED))]
    raw = data.draw(whole_values(dtype, 200))
    routes = []
    for few in (0, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fold, "_FEW", few)
            routes.append(seen(raw, dtype))
    assert repr(routes[0].summary) == repr(routes[1].summary)
    assert routes[0].table == routes[1].table


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("values", [1022, 1024, 1026, 2046, 2048, 2050, 140_000])
def test_many_values_are_those_of_their_parts(code: str, values: int) -> None:
    dtype = DTYPES[code]
    rng = np.random.default_rng(values)
    raw = rng.integers(0, 256, values * dtype.bits // 8, np.uint8).tobytes()
    step = 512 * dtype.bits // 8
    pieces = [seen(raw[at : at + step], dtype) for at in range(0, len(raw), step)]
    rng.shuffle(pieces)  # type: ignore[arg-type]
    same(seen(raw, dtype), reduce(add, pieces), raw)


@given(parts())
def test_folds_of_one_thread_leave_each_other_alone(drawn: tuple[DType, list[bytes]]) -> None:
    """One after the other they use one table, and none inherits a count."""
    dtype, (one, other, _) = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "_FEW", 0)
        first = seen(one, dtype)
        before = repr(first)
        seen(other, dtype)
    assert repr(first) == before
    assert first.table == seen(one, dtype).table
