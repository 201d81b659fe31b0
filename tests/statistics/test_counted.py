"""Of a dtype whose every value is counted, all statistics follow exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import torch

from counted import COUNTED, SIXTEENTHS, central_moments, multiplied, reference
from initcli.core.dtypes import DTYPES
from initcli.statistics.accumulator import Accumulator
from initcli.statistics.counted import distinct, summary_of
from initcli.statistics.distribution import distribution_of
from initcli.statistics.fold import accumulate
from initcli.statistics.grid import grid_of
from initcli.statistics.table import Table

FLOATS = [code for code in COUNTED if DTYPES[code].is_float]
SEEDS = [0, 1]
EVERY = pytest.mark.parametrize("code", COUNTED)


@pytest.mark.parametrize("seed", SEEDS)
@EVERY
def test_counts_and_extrema_are_those_of_numpy(code: str, seed: int) -> None:
    raw = multiplied(code, seed)
    values, summary = reference(raw, DTYPES[code]), accumulate(raw, DTYPES[code]).summary
    finite = values[np.isfinite(values)]
    assert (summary.count, summary.finite) == (values.size, finite.size)
    assert summary.nan == np.isnan(values).sum()
    assert summary.positive == np.isposinf(values).sum()
    assert summary.negative == np.isneginf(values).sum()
    assert summary.zeros == (values == 0).sum()
    assert (summary.minimum, summary.maximum) == (finite.min(), finite.max())


@EVERY
def test_moments_are_those_of_exact_arithmetic(code: str) -> None:
    raw = multiplied(code, 2, most=2)
    values, moments = reference(raw, DTYPES[code]), accumulate(raw, DTYPES[code]).summary.moments
    mean, (variance, third, fourth) = central_moments(values[np.isfinite(values)])
    # Rounded twice at most: the exact sum, and its quotient.
    assert abs(Fraction(moments.mean.real) - mean) <= Fraction(2**-52) * abs(mean)
    assert moments.variance == pytest.approx(float(variance), rel=1e-13)
    skewness = math.copysign(math.sqrt(float(third**2 / variance**3)), third)
    assert moments.skewness == pytest.approx(skewness, rel=1e-12, abs=1e-13)
    assert moments.kurtosis == pytest.approx(float(fourth / variance**2), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@EVERY
def test_quantiles_are_those_of_numpy_exactly(code: str, seed: int) -> None:
    raw = multiplied(code, seed)
    seen, values = accumulate(raw, DTYPES[code]), reference(raw, DTYPES[code])
    distribution = distribution_of(seen, seen.summary, SIXTEENTHS)
    assert distribution is not None
    finite = values[np.isfinite(values)]
    expected = np.quantile(finite, SIXTEENTHS, method="inverted_cdf")
    assert list(distribution.quantiles) == SIXTEENTHS
    assert list(distribution.quantiles.values()) == expected.tolist()


@pytest.mark.parametrize("seed", SEEDS)
@EVERY
def test_distinct_values_are_counted_but_for_nan(code: str, seed: int) -> None:
    raw = multiplied(code, seed, most=1)
    values = reference(raw, DTYPES[code])
    found = distinct(accumulate(raw, DTYPES[code]).table, grid_of(DTYPES[code]))
    assert found == np.unique(values[~np.isnan(values)]).size


def smallest_normal(code: str) -> float:
    if code == "F4":  # of which torch knows no limits
        return float(ml_dtypes.finfo(ml_dtypes.float4_e2m1fn).smallest_normal)
    return torch.finfo(getattr(torch, DTYPES[code].torch)).smallest_normal


@pytest.mark.parametrize("code", [code for code in FLOATS if code != "F8_E8M0"])
def test_subnormal_is_what_lies_below_the_least_normal_number(code: str) -> None:
    raw = multiplied(code, 3)
    size = np.abs(reference(raw, DTYPES[code]))
    expected = ((size > 0) & (size < smallest_normal(code))).sum()
    assert accumulate(raw, DTYPES[code]).summary.subnormal == expected > 0


@pytest.mark.parametrize("code", [code for code in COUNTED if code not in FLOATS] + ["F8_E8M0"])
def test_what_has_no_subnormal_numbers_counts_none(code: str) -> None:
    assert accumulate(multiplied(code, 3), DTYPES[code]).summary.subnormal == 0


@pytest.mark.parametrize("code", FLOATS)
def test_one_value_and_both_zeros(code: str) -> None:
    grid, dtype = grid_of(DTYPES[code]), DTYPES[code]
    zeros = np.flatnonzero(grid.low == 0)
    for key in np.flatnonzero(np.isfinite(grid.low))[::11].tolist():
        summary = summary_of(Table(np.array([key]), np.array([10**9 + 7])), dtype)
        assert (summary.mean, summary.variance) == (grid.low[key], 0.0)
        assert math.isnan(summary.moments.kurtosis)
    both = Table(zeros, np.full(zeros.size, 3))
    assert distinct(both, grid) == min(1, zeros.size)
    assert summary_of(both, dtype).zeros == 3 * zeros.size


def test_counts_beyond_32_bits_stay_exact() -> None:
    table = Table(np.array([0x3F80, 0xBF80]), np.array([2**40 + 1, 2**40]))
    summary = Accumulator(DTYPES["BF16"], table).summary
    assert summary.count == 2**41 + 1
    assert summary.mean == 1 / (2**41 + 1)
    assert summary.variance == pytest.approx(1.0, rel=1e-12)
