"""A multiple is named where there is one, in every float dtype, and nowhere else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from initcli.core.dtypes import DTYPES
from initcli.statistics.pair import Tolerance
from initcli.statistics.pair_fold import compare_values
from initcli.statistics.pair_ratio import RatioFold, factor_of, may_be_scaled, spacing

CODES = ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"]
FACTORS = [2.0, 0.5, -1.0, 1 / math.sqrt(2), 1.001, -3.7, 1 / 24]
GENERATOR = torch.Generator()


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Whatever was drawn before, and in which process, a test draws the same."""
    GENERATOR.manual_seed(8)


def drawn(code: str, count: int = 20_000, std: float = 0.5) -> torch.Tensor:
    values = torch.randn(count, generator=GENERATOR, dtype=torch.float64) * std
    return values.to(dtype_of(code))


def dtype_of(code: str) -> torch.dtype:
    found: torch.dtype = getattr(torch, DTYPES[code].torch)
    return found


def times(values: torch.Tensor, factor: float) -> torch.Tensor:
    """Multiplies as torch does; dtypes that have no product go through float32."""
    if values.dtype.itemsize > 1:
        return values * factor
    return (values.float() * factor).to(values.dtype)


def raw(values: torch.Tensor) -> memoryview:
    return memoryview(values.contiguous().view(torch.uint8).numpy().tobytes())


def factor(a: torch.Tensor, code_a: str, b: torch.Tensor, code_b: str) -> float | None:
    one, other = DTYPES[code_a], DTYPES[code_b]
    distance = compare_values(raw(a), one, raw(b), other, Tolerance(0, 0)).distance
    if not may_be_scaled(distance, one, other):
        return None
    fold = RatioFold(one, other)
    fold.add(raw(a), raw(b))
    return factor_of(fold.result(), distance, one, other)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("multiple", FACTORS)
@pytest.mark.parametrize("count", [100, 9000])
def test_a_multiple_is_named(code: str, multiple: float, count: int) -> None:
    a = drawn(code, count)
    b = times(a, multiple)
    found = factor(a, code, b, code)
    if torch.equal(a.float(), b.float()) and code != "F64":
        assert multiple == 1.001  # which rounding to a coarse dtype undoes
        assert found is None
    else:
        assert found == pytest.approx(multiple, rel=2 * DTYPES[code].epsilon)


@pytest.mark.parametrize("code", CODES[1:])  # the squares of what underflows float64 vanish
def test_a_multiple_may_underflow(code: str) -> None:
    least = DTYPES[code].least
    a = (torch.arange(-400, 401).double() * least).to(dtype_of(code))
    assert factor(a, code, times(a, 0.25), code) == pytest.approx(0.25, rel=0.2)


@pytest.mark.parametrize("code", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("steps", [(0.5**0.5, 0.5**0.5), (0.9, 0.9), (-1.3, 0.7)])
def test_a_multiple_taken_in_two_steps_is_named(code: str, steps: tuple[float, float]) -> None:
    a = drawn(code)
    b = times(times(a, steps[0]), steps[1])
    assert factor(a, code, b, code) == pytest.approx(steps[0] * steps[1], rel=1e-3)


@pytest.mark.parametrize(("one", "other"), [("F32", "BF16"), ("F64", "F32"), ("F16", "BF16")])
@pytest.mark.parametrize("multiple", [2.0, 0.5, -1.0, 1 / math.sqrt(2)])
def test_a_multiple_is_named_past_a_cast(one: str, other: str, multiple: float) -> None:
    a = drawn(one)
    b = (a.double() * multiple).to(dtype_of(other))
    assert factor(a, one, b, other) == pytest.approx(multiple, rel=1e-3)
    assert factor(b, other, a, one) == pytest.approx(1 / multiple, rel=1e-3)


@pytest.mark.parametrize("code", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("step", [1e-6, 1e-4, 1e-3, 1e-2])
def test_fine_tuned_weights_need_no_second_reading(code: str, step: float) -> None:
    dtype = DTYPES[code]
    for _ in range(20):
        a = drawn(code)
        b = (a.double() + step * 0.5 * drawn("F64")).to(dtype_of(code))
        distance = compare_values(raw(a), dtype, raw(b), dtype, Tolerance(0, 0)).distance
        assert not may_be_scaled(distance, dtype, dtype)


def test_a_cast_alone_is_no_multiple() -> None:
    a = drawn("F32")
    assert factor(a, "F32", a.bfloat16(), "BF16") is None
    assert factor(a.bfloat16(), "BF16", a, "F32") is None


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("step", [1e-7, 1e-5, 1e-3, 1e-2, 0.1])
@pytest.mark.parametrize("count", [8, 64, 5000])
@pytest.mark.parametrize("decay", [1.0, 0.98])
def test_fine_tuned_weights_are_no_multiple(
    code: str, step: float, count: int, decay: float
) -> None:
    """Steps of every size, and weight decay: 30 cases a dtype, each of ten tensors."""
    for _ in range(10):
        a = drawn(code, count)
        moved = a.double() * decay + step * 0.5 * drawn("F64", count)
        b = moved.to(dtype_of(code))
        found = factor(a, code, b, code)
        if found is not None:
            # Decay by more than rounding shows, beside steps that rounding swallows, is one.
            assert decay != 1
            assert found == pytest.approx(decay, rel=2 * DTYPES[code].epsilon)
            assert step < 2 * DTYPES[code].epsilon


@pytest.mark.parametrize("code", CODES[1:])
def test_scales_of_normalisations_that_drifted_together_are_no_multiple(code: str) -> None:
    epsilon = DTYPES[code].epsilon
    for _ in range(20):
        a = torch.ones(768, dtype=torch.float64)
        b = 1 - 4 * epsilon + epsilon * drawn("F64", 768)
        a, b = a.to(dtype_of(code)), b.to(dtype_of(code))
        assert factor(a, code, b, code) is None


@pytest.mark.parametrize("code", CODES)
def test_other_weights_and_almost_all_of_a_multiple_are_none(code: str) -> None:
    a = drawn(code, 1000)
    assert factor(a, code, drawn(code, 1000), code) is None
    b = times(a, 2.0)
    b[17] = b[17] if b[17] == 0 else times(b[17:18], 1.5)[0]
    assert factor(a, code, b, code) is None


@pytest.mark.parametrize(("code", "count"), [("F64", 2), ("F32", 3), ("BF16", 9), ("F8_E4M3", 20)])
def test_so_few_values_agree_by_chance(code: str, count: int) -> None:
    a = torch.linspace(1, 1.5, count, dtype=torch.float64).to(dtype_of(code))
    b = times(a, 2.0)
    assert factor(a, code, b, code) is None
    more = torch.cat([a, a, a])
    assert factor(more, code, times(more, 2.0), code) == 2.0


def test_zeros_tell_nothing_and_must_stay() -> None:
    a = torch.tensor([0.0, 1.0, -2.0, 3.0, 0.5, 7.0])
    assert factor(a, "F32", 2 * a, "F32") == 2.0
    b = 2 * a
    b[0] = 1e-12
    assert factor(a, "F32", b, "F32") is None
    assert factor(a, "F32", 0 * a, "F32") is None
    assert factor(0 * a, "F32", a, "F32") is None
    assert factor(a, "F32", a, "F32") is None


def test_what_is_not_finite_is_no_multiple() -> None:
    a = torch.tensor([math.nan, 1.0, 2.0, 3.0, 5.0, 7.0])
    assert factor(a, "F32", 2 * a, "F32") is None


@pytest.mark.parametrize("dtypes", [("F32", "I32"), ("I32", "F32"), ("C64", "C64")])
def test_only_real_floats_are_asked(dtypes: tuple[str, str]) -> None:
    ones = np.ones(64).astype("<f4"), 2 * np.ones(64).astype("<f4")
    one, other = (DTYPES[code] for code in dtypes)
    raws = [memoryview(each.tobytes()) for each in ones]
    distance = compare_values(raws[0], one, raws[1], other, Tolerance(0, 0)).distance
    assert not may_be_scaled(distance, one, other)


@pytest.mark.parametrize("code", ["F64", "F32", "F16"])
def test_the_spacing_of_values_is_numpys(code: str) -> None:
    dtype = DTYPES[code].numpy
    values = np.array([0.0, 1.0, -1.5, 2.0, 60_000, 3e-5, 1e-7, DTYPES[code].least]).astype(dtype)
    expected = np.spacing(np.abs(values)).astype(np.float64)
    assert (spacing(values.astype(np.float64), DTYPES[code]) == expected).all()
