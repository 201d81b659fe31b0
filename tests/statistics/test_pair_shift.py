"""Distances of distributions, held against SciPy and against the formula on the values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy.stats import ks_2samp

from initcli.core.dtypes import DTYPES
from initcli.statistics.fold import accumulate
from initcli.statistics.pair_shift import FLOOR, Shift, shift_of
from raw import decoded, stored

RNG = np.random.default_rng(6)
NARROW = ["BF16", "F16", "F8_E4M3", "F8_E5M2", "I8", "U8", "I16"]
WIDE = ["F32", "F64", "I32", "I64"]
Values = NDArray[np.float64]


def values_of(values: ArrayLike, code: str) -> Values:
    return decoded(stored(values, code), DTYPES[code])


def between(a: ArrayLike, code_a: str, b: ArrayLike, code_b: str) -> Shift | None:
    sides = ((a, code_a), (b, code_b))
    return shift_of(*(accumulate(stored(each, code), DTYPES[code]) for each, code in sides))


def drawn(count: int, mean: float = 0.0) -> Values:
    return np.abs(RNG.normal(mean, 30, count)) + 1  # which unsigned integers hold too


@pytest.mark.parametrize("code_a", NARROW)
@pytest.mark.parametrize("code_b", NARROW)
def test_ks_of_narrow_dtypes_is_scipys(code_a: str, code_b: str) -> None:
    a, b = drawn(3000), drawn(1700, 9.0)
    found = between(a, code_a, b, code_b)
    expected = ks_2samp(values_of(a, code_a), values_of(b, code_b)).statistic
    assert found is not None
    assert found.ks == pytest.approx(expected, abs=1e-12)


def largest_cell(values: Values) -> float:
    """Returns the largest share of values that have sign, exponent and seven bits in common."""
    cells = values.astype(np.float32).view(np.uint32) >> 16
    return float(np.unique(cells, return_counts=True)[1].max() / values.size)


@pytest.mark.parametrize("code_a", ["F32", "F64", "I32"])
@pytest.mark.parametrize("code_b", [*WIDE, "BF16", "F16", "I8"])
@pytest.mark.parametrize("sign", [1, -1])
def test_ks_of_wide_dtypes_falls_short_by_a_cell_at_most(
    code_a: str, code_b: str, sign: int
) -> None:
    a, b = 50 * RNG.normal(size=5000), sign * (50 * RNG.normal(size=4000) + 5)
    found = between(a, code_a, b, code_b)
    a, b = values_of(a, code_a), values_of(b, code_b)
    expected = ks_2samp(a, b).statistic
    assert found is not None
    slack = max(largest_cell(a), largest_cell(b))
    assert expected - slack <= found.ks <= expected + 1e-12
    assert slack < 0.04


def test_places_and_shapes_do_not_matter() -> None:
    values = RNG.normal(size=1000)
    found = between(values, "F32", np.repeat(RNG.permutation(values), 3), "F32")
    assert found is not None
    assert found.ks == pytest.approx(0, abs=1e-12)
    assert found.psi == pytest.approx(0, abs=1e-12)


def stability(a: Values, b: Values) -> float:
    """The index by its formula, of deciles that are values of A."""
    ends = np.unique(np.quantile(a, np.arange(1, 10) / 10, method="inverted_cdf"))
    shares = [
        np.bincount(np.searchsorted(ends, side), minlength=ends.size + 1) / side.size
        for side in (a, b)
    ]
    p, q = (np.maximum(each, FLOOR) for each in shares)
    return float(((q - p) * np.log(q / p)).sum())


@pytest.mark.parametrize("code", NARROW)
@pytest.mark.parametrize("mean", [0.0, 5.0, 40.0])
def test_psi_follows_its_formula(code: str, mean: float) -> None:
    a, b = drawn(4000), drawn(3000, mean)
    found = between(a, code, b, code)
    assert found is not None
    assert found.psi == pytest.approx(stability(values_of(a, code), values_of(b, code)), rel=1e-9)


def test_psi_of_float32_is_that_of_its_cells() -> None:
    a, b = RNG.normal(size=200_000), RNG.normal(0.1, 1.1, size=200_000)
    found = between(a, "F32", b, "F32")
    assert found is not None
    assert found.psi == pytest.approx(stability(a, b), rel=0.03)


def test_an_empty_bin_counts_for_the_floor() -> None:
    found = between([1.0] * 10, "BF16", [2.0] * 10, "BF16")
    assert found is not None
    p, q = np.array([1.0, FLOOR]), np.array([FLOOR, 1.0])
    assert found == Shift(1.0, pytest.approx(float(((q - p) * np.log(q / p)).sum())))


@pytest.mark.parametrize("code", ["BF16", "F32", "F64"])
def test_only_finite_values_count_and_zeros_are_one(code: str) -> None:
    a = [0.0, -0.0, 1.0, math.nan, math.inf, -math.inf]
    assert between(a, code, [-0.0, 0.0, 1.0], code) == Shift(0.0, 0.0)
    assert between([math.nan], code, [1.0], code) is None
    assert between([], code, [1.0], code) is None


def test_complex_values_have_no_order() -> None:
    assert between([1j], "C64", [1.0], "F32") is None
