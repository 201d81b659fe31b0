"""The law after rounding is what torch's own casts make of many draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from initcli.core.dtypes import DTYPES
from initcli.schemes.law import Law, constant
from initcli.theory.rounding import rounding_tolerance, stored_law
from raw import DRAWABLE, bits, decoded, draw_of

DRAWS = 1 << 21
NARROW = [code for code in DRAWABLE if DTYPES[code].bits <= 16]
SCHEMES = [
    "normal(0, 0.02)",
    "normal(0, 0.0014433756729740645)",
    "normal(0, 1)",
    "uniform(-0.015625, 0.015625)",
    "uniform(0, 1)",
    "trunc_normal(0, 0.02, -0.04, 0.04)",
    "normal(0.1, 0.003)",
    "normal(0, 3e-4)",
]


def cast(values: torch.Tensor, code: str) -> np.ndarray:
    narrow = values.to(getattr(torch, DTYPES[code].torch))
    return decoded(memoryview(narrow.view(torch.uint8).numpy().tobytes()), DTYPES[code])


def assert_sampled(law: Law, values: np.ndarray) -> None:
    """Holds moments to six standard errors, plus what float32 draws add to float64 laws."""
    off = values - law.mean
    assert abs(off.mean()) <= 6 * law.std / math.sqrt(values.size) + 1e-6 * law.std
    if not law.variance:
        assert not off.any()
        return
    ratio = (off**2).mean() / law.variance - 1
    assert abs(ratio) <= 6 * math.sqrt((law.kurtosis - 1) / values.size) + 1e-6
    fourth = (off / law.std) ** 4
    assert abs(fourth.mean() - law.kurtosis) <= 6 * fourth.std() / math.sqrt(values.size) + 1e-5


@pytest.mark.parametrize("code", NARROW)
@pytest.mark.parametrize("text", SCHEMES)
def test_the_stored_law_is_that_of_torch_casts(text: str, code: str) -> None:
    # Six standard errors in three statistics of 48 cases: a false alarm in 10⁶ seeds.
    draw = draw_of(text, (DRAWS,))
    values = torch.empty(DRAWS)
    draw.fill(values, torch.Generator().manual_seed(7))
    assert_sampled(stored_law(draw.law, DTYPES[code]), cast(values, code))


def test_underflow_zeroes_half_of_a_small_normal_in_e4m3_and_adds_to_its_variance() -> None:
    law = draw_of("normal(0, 0.0014433756729740645)", (4,)).law
    stored = stored_law(law, DTYPES["F8_E4M3"])
    assert stored.variance / law.variance == pytest.approx(1.15, abs=0.01)
    values = torch.empty(DRAWS).normal_(0, law.std, generator=torch.Generator().manual_seed(1))
    assert (cast(values, "F8_E4M3") == 0).mean() == pytest.approx(0.501, abs=0.002)


@pytest.mark.parametrize("code", ["F16", "BF16"])
def test_rounding_to_16_bits_barely_moves_the_variance(code: str) -> None:
    law = draw_of("normal(0, 0.02)", (4,)).law
    assert stored_law(law, DTYPES[code]).variance == pytest.approx(law.variance, rel=6e-6)


@pytest.mark.parametrize("code", ["F32", "F64"])
def test_wide_dtypes_leave_a_law_as_it_is(code: str) -> None:
    law = draw_of("normal", (4,)).law
    assert stored_law(law, DTYPES[code]) == law


@pytest.mark.parametrize("code", DRAWABLE)
@pytest.mark.parametrize("value", [0.1, -0.02, 1.0, 0.0, 1e-3, 7.3])
def test_a_constant_is_stored_as_torch_casts_it(value: float, code: str) -> None:
    stored = stored_law(constant(value), DTYPES[code])
    assert stored == constant(float(cast(torch.full((1,), value), code)[0]))


def test_a_normal_far_below_the_least_value_is_stored_as_zeros() -> None:
    law = draw_of("normal(0, 1e-6)", (4,)).law
    assert stored_law(law, DTYPES["F8_E4M3"]) == constant(0.0)


@pytest.mark.parametrize("text", ["eye", "ones", "zeros"])
def test_ones_and_zeros_survive_any_dtype(text: str) -> None:
    law = draw_of(text, (5, 7)).law
    assert {stored_law(law, DTYPES[code]) for code in DRAWABLE} == {law}


def test_half_the_zeros_of_a_sparse_law_are_its_own() -> None:
    law = draw_of("sparse(0.5, 1)", (4, 4)).law
    stored = stored_law(law, DTYPES["BF16"])
    assert stored.variance == pytest.approx(law.variance, rel=1e-5)
    assert stored.kurtosis == pytest.approx(6, rel=1e-4)
    assert stored.random_share == 0.5


def test_only_what_a_scheme_fixes_has_a_rounding_tolerance() -> None:
    tolerances = [
        rounding_tolerance(draw_of(text, (8, 8)).law, DTYPES["F32"], 64)
        for text in ("normal", "orthogonal", "eye")
    ]
    assert tolerances == [0.0, 1e-5, 1e-6]


@pytest.mark.parametrize(("code", "most"), [("F16", 1e-3), ("BF16", 8e-3), ("F8_E4M3", 0.12)])
def test_rounding_errors_of_a_fixed_energy_average_out(code: str, most: float) -> None:
    law = draw_of("orthogonal", (64, 64)).law
    one, many = (rounding_tolerance(law, DTYPES[code], count) - 1e-5 for count in (64, 6400))
    assert many == pytest.approx(one / 10)
    assert 0 < rounding_tolerance(law, DTYPES[code], 64 * 64) < most


def test_every_pattern_of_a_narrow_dtype_has_its_share() -> None:
    law = draw_of("uniform(-1, 1)", (4,)).law
    stored = stored_law(law, DTYPES["F8_E5M2"])
    grid = np.unique(decoded(bits(np.arange(256), "F8_E5M2"), DTYPES["F8_E5M2"]))
    grid = grid[np.abs(grid) <= 1]
    edges = np.concatenate([[-1], (grid[1:] + grid[:-1]) / 2, [1]])
    assert stored.variance == pytest.approx(float((np.diff(edges) / 2) @ grid**2), rel=1e-12)
