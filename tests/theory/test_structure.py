"""What is called an isometry, and what is not, whatever the dtype."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from initcli.core.dtypes import DTYPES
from initcli.schemes import law as laws
from initcli.theory.structure import (
    Distances,
    Unmeasured,
    ZeroCounts,
    isometry_tolerance,
    judge_structure,
)
from raw import draw_of, spec

SHAPES = [(1, 1), (1, 7), (2, 2), (2, 3), (8, 8), (3, 200), (200, 3), (16, 64), (64, 64)]
WIDE = ["F64", "F32", "BF16", "F16"]
NARROW = ["F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ"]
GAINS = [1.0, math.sqrt(2), 0.05, 2.0**-6, 1e-3, 30.0, 500.0]


def distance(values: torch.Tensor, gain: float) -> float:
    """Returns ‖G − g²I‖₂ / g² by torch's own eigenvalues."""
    wide = values.double() / gain
    gram = wide @ wide.T if wide.shape[0] <= wide.shape[1] else wide.T @ wide
    return float((torch.linalg.eigvalsh(gram) - 1).abs().max())


def orthogonal(shape: tuple[int, int], gain: float, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.init.orthogonal_(torch.empty(shape), gain, generator)


def cast(values: torch.Tensor, code: str) -> torch.Tensor:
    return values.to(getattr(torch, DTYPES[code].torch)).double()


@pytest.mark.parametrize("code", WIDE + NARROW)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_torch_draws_is_an_isometry_after_rounding(shape: tuple[int, int], code: str) -> None:
    # 2,500 draws of probability 3e-8 each: a false alarm in 10⁴ runs of the whole table.
    for gain in GAINS:
        law = laws.orthogonal(gain, max(shape))
        tolerance = isometry_tolerance(law, DTYPES[code], shape)
        for seed in range(5):
            stored = cast(orthogonal(shape, gain, seed), code)
            if stored.isfinite().all() and tolerance < 1:
                assert distance(stored, gain) <= tolerance


@pytest.mark.parametrize("code", WIDE + NARROW)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if min(shape) > 1], ids=str)
def test_two_equal_rows_are_never_one(shape: tuple[int, int], code: str) -> None:
    values = orthogonal(shape, 1.0, 0)
    shorter = values if shape[0] <= shape[1] else values.T
    shorter[0] = shorter[1]
    law = laws.orthogonal(1.0, max(shape))
    assert distance(cast(values, code), 1.0) > isometry_tolerance(law, DTYPES[code], shape)


@pytest.mark.parametrize("code", WIDE)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if min(shape) > 1], ids=str)
def test_a_gaussian_matrix_of_the_same_energy_is_none(shape: tuple[int, int], code: str) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values *= math.sqrt(min(shape)) / values.norm()
    law = laws.orthogonal(1.0, max(shape))
    assert distance(cast(values, code), 1.0) > 2 * isometry_tolerance(law, DTYPES[code], shape)


def test_of_many_values_the_tolerance_of_bfloat16_is_that_of_its_noise() -> None:
    # A residual of 1.6e-3 is what such matrices show; one of the Gaussian's size is 4.
    tolerance = isometry_tolerance(laws.orthogonal(1.0, 4096), DTYPES["BF16"], (4096, 4096))
    assert 2e-3 < tolerance < 1e-2


@pytest.mark.parametrize(("code", "gain"), [("F8_E4M3", 1e-3), ("F8_E4M3", 1e3), ("F16", 1e-7)])
def test_what_rounding_destroys_is_not_judged(code: str, gain: float) -> None:
    law = laws.orthogonal(gain, 64)
    found = judge_structure(law, spec("w", 16, 64, code=code), Distances((0.7,)))
    assert found.off == ""
    assert "at this scale" in found.reason


def test_the_worst_part_is_named() -> None:
    law = laws.orthogonal(2.0, 8, (4, 8))
    found = judge_structure(law, spec("w", 12, 8), Distances((0.0, 0.5, 0.25)))
    assert found.off == "part 2 of 3: W·Wᵀ is off 4·I by 2 (tolerance 3e-05)"
    tall = judge_structure(laws.orthogonal(1.0, 12), spec("w", 12, 8), Distances((0.5,)))
    assert tall.off.startswith("Wᵀ·W is off 1·I by 0.5")
    assert judge_structure(law, spec("w", 12, 8), Distances((0.0, 1e-6, 0.0))).off == ""


def test_what_was_not_measured_keeps_its_reason() -> None:
    found = judge_structure(draw_of("orthogonal", (4, 4)).law, spec("w", 4, 4), Unmeasured("why"))
    assert (found.off, found.reason) == ("", "why")


ZEROS = [
    ([5, 5, 5], "F32", ""),
    ([5, 4, 5], "F32", "column 1 holds 4 zeros, 5 expected"),
    ([5, 5, 6], "BF16", "column 2 holds 6 zeros, 5 expected"),
    ([5, 9, 1], "F64", "2 of 3 columns are off: column 1 holds 9 zeros, 5 expected"),
    ([5, 10, 5], "F8_E4M3", ""),
    ([5, 10, 4], "F8_E4M3", "column 2 holds 4 zeros, 5 to 10 expected"),
]


@pytest.mark.parametrize(("counts", "code", "expected"), ZEROS)
def test_zeros_of_columns_are_counted_but_for_underflow(
    counts: list[int], code: str, expected: str
) -> None:
    law = draw_of("sparse(0.5, 1e-3)", (10, 3)).law
    found = judge_structure(law, spec("w", 10, 3, code=code), ZeroCounts(np.array(counts)))
    assert found.off == expected


def test_as_many_zeros_may_be_accidents_as_the_binomial_law_allows() -> None:
    law = draw_of("sparse(0.1, 0.01)", (1000, 64)).law
    share = stats.norm.cdf(2**-10 / 0.01) - stats.norm.cdf(-(2**-10) / 0.01)
    most = 100 + int(stats.binom.isf(1e-5 / 64, 900, share))
    for count, is_off in ((most, False), (most + 1, True)):
        counts = ZeroCounts(np.full(64, count))
        assert bool(judge_structure(law, spec("w", 1000, 64, code="F8_E4M3"), counts).off) == is_off


def test_one_zero_in_millions_is_drawn_by_torch_itself() -> None:
    # 4,096 columns of 4,096 normals, each zero with probability 2⁻²⁴: one is likely.
    law = draw_of("sparse(0, 0.02)", (4096, 4096)).law
    for count, is_off in ((1, False), (9, True)):
        counts = ZeroCounts(np.eye(1, 4096, 7, dtype=np.int64)[0] * count)
        assert bool(judge_structure(law, spec("w", 4096, 4096), counts).off) == is_off


def test_measures_of_another_structure_are_a_bug() -> None:
    with pytest.raises(TypeError, match="not what the law has"):
        judge_structure(draw_of("eye", (4, 4)).law, spec("w", 4, 4), Distances((0.0,)))
