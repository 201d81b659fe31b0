"""What torch draws in 16 bits follows the remapped law, and not the rounded one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from identified import counted, held
from initcli.core.dtypes import DTYPES
from initcli.schemes import law as laws
from initcli.theory.identify.marginal import Values
from initcli.theory.identify.remapped import remapped
from raw import DRAWABLE

COUNT = 1 << 19
BOUNDS = [
    (-0.125, 0.125),
    (-1.0, 1.0),
    (0.0, 1.0),
    (-0.1, 0.1),
    (-0.1, 0.3),
    (-1 / math.sqrt(48), 1 / math.sqrt(48)),
    (3.0, 3.7),
    (-0.7, -0.2),
]
ALPHA = 1e-6


def drawn(code: str, low: float, high: float) -> torch.Tensor:
    dtype = getattr(torch, DTYPES[code].torch)
    generator = torch.Generator().manual_seed(5)
    return torch.empty(COUNT, dtype=dtype).uniform_(low, high, generator=generator)


def goodness(values: Values, law: laws.Law) -> float:
    """Pearson's p-value of the cells; 0 where one holds what the law has no mass for."""
    assert law.cdf is not None
    mass = np.diff(law.cdf(values.cells.edges))
    held_, counts = mass * values.cells.total > 5, values.cells.counts
    if counts[mass <= 0].any():
        return 0.0
    together = np.append(mass[held_], mass[~held_].sum())
    found = np.append(counts[held_], counts[~held_].sum())
    kept = together > 0
    expected = together[kept] / together[kept].sum() * found[kept].sum()
    return float(stats.chisquare(found[kept], expected).pvalue)


@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize("code", ["BF16", "F16"])
def test_cells_and_mean_of_torchs_own_draws(code: str, low: float, high: float) -> None:
    """48 comparisons at 10⁻⁶ in all, under fixed seeds."""
    law = laws.uniform(low, high)
    in_dtype = remapped(law, DTYPES[code])
    assert in_dtype is not None
    stored = drawn(code, low, high)
    assert goodness(counted(stored, code), in_dtype) > ALPHA
    one = held(stored, code, in_dtype)
    assert one.p > ALPHA
    # The share of the lower end: that of a half step above it, and what came from the upper end.
    values = stored.double().numpy()
    least, following = np.unique(values)[:2]
    assert in_dtype.cdf is not None
    share = float(in_dtype.cdf(np.array([(least + following) / 2]))[0])
    assert stats.binomtest(int((values == least).sum()), COUNT, share).pvalue > ALPHA
    assert float(values.max()) < high


@pytest.mark.parametrize(("low", "high"), BOUNDS)
@pytest.mark.parametrize("code", ["BF16", "F16"])
def test_torch_never_draws_the_upper_end_that_rounding_would_reach(
    code: str, low: float, high: float
) -> None:
    top = float(torch.tensor(high).to(getattr(torch, DTYPES[code].torch)))
    assert float(drawn(code, low, high).max()) < top


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (0, 1), (0, 0.5), (3.0, 3.7)])
def test_of_bfloat16_the_rounded_law_is_refused(low: float, high: float) -> None:
    """Half a step at the upper end is missing, and at the lower one too many."""
    stored = drawn("BF16", low, high)
    assert goodness(counted(stored, "BF16"), laws.uniform(low, high)) < ALPHA
    assert held(stored, "BF16", laws.uniform(low, high)).p < 0.01


def test_the_mean_moves_by_half_a_step_of_the_upper_end() -> None:
    """Of U(±b), b a power of two, the share 2⁻¹⁰ moves from b to −b: by −2⁻⁹·b in bfloat16."""
    in_dtype = remapped(laws.uniform(-0.25, 0.25), DTYPES["BF16"])
    assert in_dtype is not None
    assert in_dtype.cdf is not None
    moved = float(in_dtype.cdf(np.array([-0.25]))[0])
    assert moved == 2.0**-10
    off = drawn("BF16", -0.25, 0.25).double().mean().item()
    error = 0.25 / math.sqrt(3 * COUNT)
    # 5·10⁻⁷ for five standard errors.
    assert off == pytest.approx(-0.25 * 2.0**-9, abs=5 * error)
    assert abs(off) > 1.2 * error


@pytest.mark.parametrize("code", DRAWABLE)
def test_only_16_bits_and_uniform_laws_differ(code: str) -> None:
    found = remapped(laws.uniform(-0.1, 0.1), DTYPES[code])
    assert (found is not None) == (code in {"F16", "BF16"})
    assert remapped(laws.normal(0, 1), DTYPES[code]) is None
    if found:
        assert "drawn in" in found.family
        assert (found.mean, found.support) == (0, (-0.1, 0.1))
