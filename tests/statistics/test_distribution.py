from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counted import COUNTED, inverted_cdf, multiplied, reference
from initcli.core.dtypes import DTYPES
from initcli.reports.tensor_columns import QUANTILES
from initcli.statistics.distribution import BINS, distribution_of
from initcli.statistics.fold import accumulate
from initcli.statistics.portrait import Distribution, Histogram
from raw import stored

PERCENT = [0.0, *QUANTILES.values(), 1.0]
WITHIN = 2.0**-7


def drawn(raw: memoryview, code: str) -> Distribution:
    seen = accumulate(raw, DTYPES[code])
    found = distribution_of(seen, seen.summary, PERCENT)
    assert found is not None
    return found


def histogram(raw: memoryview, code: str) -> Histogram:
    found = drawn(raw, code).histogram
    assert found is not None
    return found


def wild(most: int) -> st.SearchStrategy[float]:
    """Returns numbers of every exponent that a cell is stated for, with mantissas of few bits."""
    sizes = st.builds(
        math.ldexp,
        st.integers(2**most, 2 ** (most + 1) - 1),
        st.integers(-126 - most, 127 - most),
    )
    return st.builds(lambda size, sign: size * sign, sizes, st.sampled_from([1, -1]))


def assert_within(values: list[Any], code: str) -> None:
    raw = memoryview(np.array(values, DTYPES[code].numpy).tobytes())
    for probability, found in drawn(raw, code).quantiles.items():
        exact = inverted_cdf(values, probability)
        assert abs(found - exact) <= WITHIN * abs(exact) * (1 - 1e-9), probability
        assert min(values) <= found <= max(values)


@given(st.lists(wild(23), min_size=1, max_size=120))
def test_quantiles_of_float32_are_within_a_128th(values: list[float]) -> None:
    assert_within(values, "F32")


@given(st.lists(wild(52), min_size=1, max_size=120))
def test_quantiles_of_float64_are_within_a_128th(values: list[float]) -> None:
    assert_within(values, "F64")


@pytest.mark.parametrize("code", ["I32", "U32", "I64", "U64"])
@given(data=st.data())
def test_quantiles_of_wide_integers_are_within_a_128th(code: str, data: st.DataObject) -> None:
    limits = np.iinfo(DTYPES[code].numpy)
    # To 53 bits: float64, of which the report is made, is held to no more.
    whole = st.integers(0, 64).flatmap(
        lambda bits: st.integers(int(limits.min) >> bits, int(limits.max) >> bits)
    )
    values = data.draw(st.lists(whole, min_size=1, max_size=60))
    raw = memoryview(np.array(values, DTYPES[code].numpy).tobytes())
    for probability, found in drawn(raw, code).quantiles.items():
        exact = inverted_cdf(values, probability)
        assert abs(found - exact) <= WITHIN * abs(exact)
        assert found == exact or abs(exact) > 255


@pytest.mark.parametrize("code", ["F32", "F64", "BF16", "I32"])
def test_the_quantile_of_many_zeros_is_zero(code: str) -> None:
    found = drawn(stored([-2.0, 0.0, 0.0, -0.0, 3.0], code), code).quantiles
    assert found[0.5] == 0


@pytest.mark.parametrize("count", [1, 3, 20, 100, 300, 700, 1000, 4321])
@pytest.mark.parametrize("code", ["I16", "U16", "I32"])
def test_ranks_are_counted_in_whole_numbers(code: str, count: int) -> None:
    """As 0.07·100 is 7 and no more: of 1 … n (below 2⁸·n) the quantile tells the rank."""
    values = np.random.default_rng(count).permutation(np.minimum(np.arange(count), 255))
    found = drawn(memoryview(values.astype(DTYPES[code].numpy).tobytes()), code).quantiles
    assert found == {p: inverted_cdf(values.tolist(), p) for p in PERCENT}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("code", COUNTED)
def test_a_histogram_is_that_of_numpy_on_its_range(code: str, seed: int) -> None:
    raw = multiplied(code, seed)
    values, found = reference(raw, DTYPES[code]), histogram(raw, code)
    finite = values[np.isfinite(values)]
    reach = 4 * finite.std()
    assert found.low == pytest.approx(max(finite.min(), finite.mean() - reach), rel=1e-12)
    assert found.high == pytest.approx(min(finite.max(), finite.mean() + reach), rel=1e-12)
    clipped = np.clip(finite, found.low, found.high)
    expected, _ = np.histogram(clipped, BINS, (found.low, found.high))
    assert found.counts == tuple(expected.tolist())


RNG = np.random.default_rng(0)
HEAVY = {
    "normal": RNG.normal(3, 0.02, 5000),
    "heavy": RNG.standard_cauchy(5000),
    "wild": RNG.normal(size=5000) * 10.0 ** RNG.integers(-30, 30, 5000),
    "far": 1e6 + RNG.normal(0, 1e4, 5000),
}


@pytest.mark.parametrize("values", HEAVY.values(), ids=HEAVY)
@pytest.mark.parametrize("code", ["F32", "F64"])
def test_a_histogram_of_wide_floats_loses_none(code: str, values: np.ndarray) -> None:
    """Of each bin's edge, only values within a 128th of it may lie on the other side."""
    holes = np.concatenate([values, [math.nan, math.inf, -math.inf]])
    found = histogram(stored(holes, code), code)
    assert sum(found.counts) == values.size
    edges = np.linspace(found.low, found.high, len(found.counts) + 1)[1:-1]
    reached = np.cumsum(found.counts)[:-1]
    slack = WITHIN * np.abs(edges)
    assert (reached >= [(values < edge).sum() for edge in edges - slack]).all()
    assert (reached <= [(values <= edge).sum() for edge in edges + slack]).all()


@pytest.mark.parametrize(("spread", "bins"), [(1e-3, 1), (0.01, 10), (0.1, BINS)])
def test_no_bin_is_narrower_than_a_cell(spread: float, bins: int) -> None:
    """Around 1 a cell is 2⁻⁷ wide; a range of 8 standard deviations holds 8·spread·2⁷ of them."""
    found = histogram(stored(1.2 + RNG.normal(0, spread, 100_000), "F32"), "F32")
    assert len(found.counts) == bins
    assert sum(found.counts) == 100_000


@pytest.mark.parametrize("code", ["F32", "F64", "I32"])
def test_a_histogram_begins_at_the_minimum_and_ends_at_the_maximum(code: str) -> None:
    values = [1000.0, 1003.0, 1450.0, 2003.0, 3001.0]
    found = histogram(stored(values, code), code)
    assert (found.low, found.high) == (1000.0, 3001.0)


@pytest.mark.parametrize("code", ["F32", "F64", "BF16", "F8_E5M2", "I8", "U64", "BOOL"])
def test_one_value_has_one_bin(code: str) -> None:
    found = drawn(stored([1.0] * 5, code), code)
    assert found.histogram == Histogram(1.0, 1.0, (5,))
    assert set(found.quantiles.values()) == {1.0}


@pytest.mark.parametrize("code", ["F32", "F64", "BF16", "F8_E5M2"])
def test_nothing_finite_has_no_quantile_and_no_histogram(code: str) -> None:
    found = drawn(stored([math.nan, math.inf, -math.inf, math.inf], code), code)
    assert (found.quantiles, found.histogram) == ({}, None)
    assert found.distinct == (None if code in {"F32", "F64"} else 2)


@pytest.mark.parametrize("values", [[-1.7e308, 1.7e308, 0.0], [1e300, 1.1e300, -1e-300]])
def test_a_range_beyond_float64_is_no_error(values: list[float]) -> None:
    found = drawn(stored(values, "F64"), "F64")
    assert found.histogram is not None
    assert sum(found.histogram.counts) == 3
    assert {found.quantiles[0.0], found.quantiles[1.0]} == {None}


def test_a_quantile_whose_error_has_no_bound_is_not_told() -> None:
    """Beyond bfloat16's exponents float64 values share a cell at either end."""
    quantiles = drawn(stored([1e-300] * 3 + [5.0] * 3 + [1e200] * 3, "F64"), "F64").quantiles
    assert (quantiles[0.05], quantiles[0.99]) == (None, None)
    assert quantiles[0.5] == pytest.approx(5.0, rel=WITHIN)
    assert drawn(stored([0.0, 0.0, 1.0], "F64"), "F64").quantiles[0.05] == 0


def test_complex_values_have_no_distribution() -> None:
    seen = accumulate(stored([1 + 2j, 3j], "C64"), DTYPES["C64"])
    assert distribution_of(seen, seen.summary, PERCENT) is None


@pytest.mark.parametrize("code", ["F32", "I32", "F64"])
def test_distinct_values_of_wide_dtypes_are_not_known(code: str) -> None:
    assert drawn(stored([1.0, 2.0], code), code).distinct is None
