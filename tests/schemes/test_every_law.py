"""Every scheme, drawn over shapes, layouts and dtypes, follows the law that it states."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from initcli.core.dtypes import DTYPES
from initcli.engine.draw import draw_tensor
from initcli.schemes.law import Fixed, Law
from initcli.schemes.registry import SCHEMES
from initcli.schemes.structure import CentralIsometry
from initcli.theory.rounding import stored_law
from schemed import RECORDS, Case, cases

CASES = cases()


def values_of(case: Case, code: str = "F32") -> np.ndarray:
    drawn = draw_tensor(case.draw, case.shape, 7, case.name).numpy().ravel()
    return drawn.astype(DTYPES[code].numpy).astype(np.float64)


def test_every_scheme_has_a_record() -> None:
    assert RECORDS.keys() == SCHEMES.keys()


@pytest.mark.parametrize("code", ["F32", "BF16", "F16"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_sample_has_the_moments_and_support_of_its_law(case: Case, code: str) -> None:
    # Fewer than 1,500 samples, three statistics each: at six standard errors, or seven of those
    # whose tails are heavier, a false alarm in some 10⁵ seeds.
    drawn, values = case.draw.law, values_of(case, code)
    law = stored_law(drawn, DTYPES[code])
    assert law.fixed is drawn.fixed
    held_within(values, drawn, code)
    {
        Fixed.NOTHING: moments_match,
        Fixed.ENERGY: energy_matches,
        Fixed.EVERYTHING: pattern_matches,
    }[law.fixed](values, law, code)


def held_within(values: np.ndarray, law: Law, code: str) -> None:
    bounds = np.array(law.support).astype(np.float32).astype(DTYPES[code].numpy)
    slack = 1e-6 * max(1.0, np.abs(values).max())
    low, high = bounds.astype(np.float64)
    assert low - slack <= values.min()
    assert values.max() <= high + slack


def moments_match(values: np.ndarray, law: Law, _: str) -> None:
    share = law.random_share
    count, off = values.size * share, (values - law.mean) / law.std
    kurtosis, sixth = law.kurtosis * share, law.sixth * share**2
    assert abs(off.mean()) < 6 / math.sqrt(values.size)
    assert abs((off**2).mean() - 1) < 6 * math.sqrt((kurtosis - 1) / count)
    spread = (off**4).std() / math.sqrt(count)
    assert abs((off**4).mean() - law.kurtosis) < 7 * spread + 1e-9
    assert (off**6).mean() == pytest.approx(law.sixth, rel=0.2 + 20 / math.sqrt(count))
    assert sixth > kurtosis > 1


def energy_matches(values: np.ndarray, law: Law, code: str) -> None:
    rounding = {"F32": 1e-5, "F16": 1e-4, "BF16": 1e-3}[code]
    assert (values**2).mean() == pytest.approx(law.variance, rel=rounding)
    assert abs(values.mean()) < 6 * law.std / math.sqrt(values.size)
    assert (values == 0).mean() == pytest.approx(1 - law.random_share, abs=1e-3)


def pattern_matches(values: np.ndarray, law: Law, code: str) -> None:
    if law.atoms is None:
        assert set(values) == {float(np.float32(law.mean).astype(DTYPES[code].numpy))}
        return
    expected, share = law.atoms
    order = np.argsort(expected, kind="stable")
    counts = np.rint(share[order] * values.size).astype(int)
    assert counts == pytest.approx(share[order] * values.size, abs=1e-6)
    # Each may round to the neighbour of what the law's float64 rounds to.
    np.testing.assert_allclose(np.sort(values), np.repeat(expected[order], counts), rtol=2e-7)


SPREAD = [case for case in CASES if case.draw.law.fixed is not Fixed.EVERYTHING]


@pytest.mark.parametrize("case", SPREAD, ids=str)
def test_a_sample_follows_the_distribution_of_its_law(case: Case) -> None:
    # Kolmogorov-Smirnov at p < 1e-7 for fewer than 500 samples: a false alarm in 20,000 seeds.
    law, values = case.draw.law, values_of(case)
    share = law.random_share
    kept = values[values != 0] if share < 1 else values

    def dense(x: np.ndarray) -> np.ndarray:
        assert law.cdf is not None
        return (law.cdf(x) - (1 - share) * (x >= 0)) / share

    # What a floor raises is no continuous part of the law: its share is the distribution's step.
    bottom = law.support[0]
    if law.cdf is not None and (step := float(law.cdf(np.array(bottom)))) > 0 and share == 1:
        raised = kept <= np.nextafter(np.float32(bottom), np.float32(np.inf))
        assert stats.binomtest(int(raised.sum()), kept.size, step).pvalue > 1e-7
        kept = kept[~raised]
        assert stats.kstest(kept, lambda x: (dense(x) - step) / (1 - step)).pvalue > 1e-7
        return
    assert stats.kstest(kept, dense).pvalue > 1e-7


@pytest.mark.parametrize("case", cases("delta_orthogonal"), ids=str)
def test_only_the_central_tap_of_a_delta_orthogonal_kernel_is_an_isometry(case: Case) -> None:
    draw = case.draw
    kernel = draw_tensor(draw, case.shape, 0, "w").double()
    centre = kernel[(slice(None), slice(None), *((size - 1) // 2 for size in case.shape[2:]))]
    assert torch.count_nonzero(kernel) == torch.count_nonzero(centre)
    gain = 2**0.5 if "relu" in case.scheme else 1.0
    narrow = centre if centre.shape[0] <= centre.shape[1] else centre.T
    torch.testing.assert_close(
        narrow @ narrow.T, gain**2 * torch.eye(len(narrow)).double(), rtol=0, atol=1e-5
    )
    if math.prod(case.shape[2:]) > 1:
        assert draw.law.structure == CentralIsometry(pytest.approx(gain))
