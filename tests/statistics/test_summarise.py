from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from initcli.core.dtypes import DTYPES
from initcli.statistics.decode import TILE
from initcli.statistics.fold import nothing, summarise
from initcli.statistics.summary import Summary
from raw import DECODED, FLOATS, INTEGERS, bits, decoded, every_pattern, stored

RNG = np.random.default_rng(0)
SMALL_FLOATS = [code for code in FLOATS if DTYPES[code].bits <= 16]
WIDE_FLOATS = {
    "normal": RNG.normal(0, 0.02, 3000),
    "huge offset": 1e8 + RNG.normal(0, 1, 3000),
    "tiny among huge": np.array([1e-30, 1e30, -1e30, 3.0]),
    "subnormal": np.array([1e-45, -3e-45, 1e-40, 0.0]),
    "one value": np.array([math.pi]),
    "over several tiles": RNG.normal(3, 1, 2 * TILE + 7),
}


def exact(values: NDArray[np.float64]) -> tuple[float, float]:
    """Returns mean and population variance in rational arithmetic, each rounded once."""
    # A step smaller than every bit of every value makes them integers, which sum fast.
    fractions = [Fraction(value) for value in values.tolist()]
    step = max(fraction.denominator for fraction in fractions)
    whole = [int(fraction * step) for fraction in fractions]
    total, squares, count = sum(whole), sum(value**2 for value in whole), len(whole)
    variance = Fraction(squares * count - total**2, (count * step) ** 2)
    return float(Fraction(total, count * step)), float(variance)


def assert_exact(summary: Summary, values: NDArray[np.float64]) -> None:
    mean, variance = exact(values)
    largest = float(np.abs(values).max())
    assert summary.mean == pytest.approx(mean, rel=1e-13, abs=1e-15 * largest)
    assert summary.variance == pytest.approx(variance, rel=1e-12)
    assert (summary.minimum, summary.maximum) == (values.min(), values.max())


@pytest.mark.parametrize("code", SMALL_FLOATS)
def test_every_value_of_a_small_float_is_counted_and_summed_exactly(code: str) -> None:
    raw = every_pattern(code)
    values = decoded(raw, DTYPES[code])
    summary = summarise(raw, DTYPES[code])
    assert summary.count == values.size
    assert summary.nan == np.isnan(values).sum()
    assert summary.infinite == np.isinf(values).sum()
    assert summary.zeros == (values == 0).sum()
    assert summary.at_largest == (np.abs(values) == ml_dtypes.finfo(DTYPES[code].numpy).max).sum()
    assert_exact(summary, values[np.isfinite(values)])


@pytest.mark.parametrize("values", WIDE_FLOATS.values(), ids=WIDE_FLOATS)
@pytest.mark.parametrize("code", ["F32", "F64", "BF16"])
def test_moments_of_floats_agree_with_rational_arithmetic(
    code: str, values: NDArray[np.float64]
) -> None:
    raw = stored(values, code)
    assert_exact(summarise(raw, DTYPES[code]), decoded(raw, DTYPES[code]))


@pytest.mark.parametrize("code", INTEGERS)
def test_moments_of_integers_are_rounded_once(code: str) -> None:
    limits = np.iinfo(DTYPES[code].numpy)
    values = [limits.min, limits.min, limits.max, 0, 1, limits.max - 1] * 20_000
    summary = summarise(stored(np.array(values, DTYPES[code].numpy), code), DTYPES[code])
    mean = Fraction(sum(values), len(values))
    assert summary.mean == float(mean)
    assert summary.variance == float(sum((value - mean) ** 2 for value in values[:6]) / 6)
    assert (summary.minimum, summary.maximum) == (limits.min, limits.max)
    assert summary.zeros == values.count(0)


@pytest.mark.parametrize("code", ["U64", "I64"])
def test_integer_variance_survives_an_offset_near_the_limit(code: str) -> None:
    top = int(np.iinfo(DTYPES[code].numpy).max)
    values = np.array([top, top - 1, top - 2, top - 3], DTYPES[code].numpy)
    assert summarise(stored(values, code), DTYPES[code]).variance == 1.25


@pytest.mark.parametrize("code", [code for code in DECODED if code != "C64"])
def test_a_constant_has_variance_zero(code: str) -> None:
    raw = bits(np.full(TILE + 3, 0x3D), code)
    summary = summarise(raw, DTYPES[code])
    assert summary.variance == 0.0
    assert summary.is_constant
    assert summary.mean == summary.minimum == summary.maximum


@pytest.mark.parametrize("value", [0.1, -1e8 / 3, 1e-300])
@pytest.mark.parametrize("count", [3, 1003, 2 * TILE + 11])
def test_a_constant_leaves_no_rounding_dust(value: float, count: int) -> None:
    summary = summarise(stored(np.full(count, value), "F64"), DTYPES["F64"])
    assert (summary.mean, summary.variance) == (value, 0.0)


@pytest.mark.parametrize("count", [3, 1003, 2 * TILE + 11])
def test_a_complex_constant_leaves_no_rounding_dust(count: int) -> None:
    summary = summarise(stored(np.full(count, 0.1 - 0.3j), "C64"), DTYPES["C64"])
    assert summary.mean == complex(np.complex64(0.1 - 0.3j))
    assert summary.variance == 0.0


def test_any_nonzero_byte_is_true() -> None:
    summary = summarise(bits([0, 1, 2, 255, 0, 0, 0, 0], "BOOL"), DTYPES["BOOL"])
    assert (summary.zeros, summary.minimum, summary.maximum) == (5, 0, 1)
    assert (summary.mean, summary.variance) == (3 / 8, 15 / 64)


def test_complex_variance_is_the_mean_squared_distance() -> None:
    values = RNG.normal(size=999) + 1j * RNG.normal(2, 3, size=999)
    raw = stored([*values, 0, complex(math.nan, math.inf), complex(math.inf, 1)], "C64")
    summary = summarise(raw, DTYPES["C64"])
    kept = np.frombuffer(raw, "<c8")[:1000].astype(np.complex128)
    assert summary.mean == pytest.approx(complex(kept.mean()))
    assert summary.variance == pytest.approx(float(kept.var()))
    assert (summary.count, summary.zeros, summary.nan, summary.infinite) == (1002, 1, 1, 1)
    assert summary.minimum is summary.maximum is None


MIXTURES: dict[str, tuple[ArrayLike, tuple[int, int, int, int]]] = {
    "NaN and both infinities": ([math.nan, math.inf, -math.inf, 1, 2], (5, 1, 2, 0)),
    "both zeros": ([0.0, -0.0, 1.0], (3, 0, 0, 2)),
    "nothing finite": ([math.nan, math.inf], (2, 1, 1, 0)),
    "nothing": ([], (0, 0, 0, 0)),
}


@pytest.mark.parametrize(("values", "counts"), MIXTURES.values(), ids=MIXTURES)
@pytest.mark.parametrize("code", ["F64", "F32", "F16", "BF16", "F8_E5M2"])
def test_what_is_not_finite_is_counted_and_left_out(
    code: str, values: ArrayLike, counts: tuple[int, int, int, int]
) -> None:
    summary = summarise(stored(np.array(values, np.float64), code), DTYPES[code])
    finite = [value for value in np.ravel(values) if math.isfinite(value)]
    assert (summary.count, summary.nan, summary.infinite, summary.zeros) == counts
    assert summary.finite == len(finite)
    assert summary.minimum == min(finite, default=None)
    assert summary.maximum == max(finite, default=None)
    assert summary.mean == pytest.approx(np.mean(finite) if finite else math.nan, nan_ok=True)
    assert summary.std == pytest.approx(np.std(finite) if finite else math.nan, nan_ok=True)


@pytest.mark.parametrize("code", DECODED)
def test_nothing_at_all_is_the_empty_summary(code: str) -> None:
    summary = summarise(memoryview(b""), DTYPES[code])
    assert (summary.count, summary.minimum, summary.is_constant) == (0, None, False)
    assert math.isnan(summary.variance)
    assert math.isnan(summary.mean.real)
    assert type(summary.moments) is type(nothing(DTYPES[code]).moments)


SIGNALLING = {
    "F16": 0x7C01,
    "BF16": 0x7F81,
    "F32": 0x7F800001,
    "F64": 0x7FF0000000000001,
    "F8_E5M2": 0x7D,
}


@pytest.mark.parametrize(("code", "pattern"), SIGNALLING.items())
def test_a_signalling_nan_is_a_nan_without_a_warning(code: str, pattern: int) -> None:
    assert summarise(bits(np.array([pattern], np.uint64), code), DTYPES[code]).nan == 1


@pytest.mark.parametrize("gap", [0, 1, TILE])
def test_the_mean_survives_values_too_far_apart_to_subtract(gap: int) -> None:
    values = np.concatenate([[1.7e308], np.full(gap, 1.7e308), [-1.7e308], np.full(gap, -1.7e308)])
    summary = summarise(stored(values, "F64"), DTYPES["F64"])
    assert summary.mean == pytest.approx(0, abs=1e295)
    assert summary.variance == math.inf


def test_a_constant_that_is_not_all_finite_is_no_constant() -> None:
    assert not summarise(stored([1.0, 1.0, math.nan], "F32"), DTYPES["F32"]).is_constant
