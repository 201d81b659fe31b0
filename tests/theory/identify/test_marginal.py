"""Values are held against laws by tests that are exact, or on the safe side."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from identified import Floats, apart, cast, counted, held
from initcli.core.dtypes import DTYPES
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.theory.identify.marginal import hold, kolmogorov_p, log_likelihood
from raw import DRAWABLE

TESTS = {"mean", "variance", "distribution", "minimum", "maximum", "likelihood"}
LAWS = {
    "U(±0.05)": laws.uniform(-0.05, 0.05),
    "U(0, 0.3)": laws.uniform(0, 0.3),
    "N(0, 0.02²)": laws.normal(0, 0.02),
    "N(1, 0.02²)": laws.normal(1, 0.02),
    "N(0, 0.02²) within ±2σ": laws.truncated_normal(0, 0.02, -0.04, 0.04),
    "N(0, 0.02²) within ±3σ": laws.truncated_normal(0, 0.02, -0.06, 0.06),
}
LEVEL = 1e-7


def drawn(law: Law, count: int, seed: int = 0) -> Floats:
    """Returns draws by the reference libraries' own generators."""
    rng, (low, high) = np.random.default_rng(seed), law.support
    if law.family == "uniform":
        return rng.uniform(low, high, count)
    if law.family == "normal":
        return rng.normal(law.mean, law.std, count)
    centre = (low + high) / 2
    return stats.truncnorm.rvs(
        (low - centre) / 0.02, (high - centre) / 0.02, centre, 0.02, size=count, random_state=rng
    )


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("code", DRAWABLE)
def test_kolmogorov_on_cells_is_never_further_off_than_scipy_on_the_draws(
    law: Law, code: str
) -> None:
    """The share below an edge is the same before and after rounding, and edges are some points."""
    for count, scale in ((50, 1.0), (3000, 1.0), (3000, 1.03)):
        values = drawn(law, count).astype(np.float32) * np.float32(scale)
        ours = kolmogorov_p(counted(cast(values, code), code).cells, law)
        theirs = stats.kstest(values.astype(np.float64), law.cdf, method="asymp").pvalue
        assert ours >= theirs * (1 - 1e-6)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_kolmogorov_is_scipys_where_cells_are_as_fine_as_values(law: Law, scale: float) -> None:
    values = drawn(law, 500) * scale
    theirs = stats.kstest(values, law.cdf, method="asymp").pvalue
    assert kolmogorov_p(apart(values), law) == pytest.approx(theirs, rel=1e-6)


@given(st.integers(1, 300), st.floats(0.01, 100))
def test_the_limit_law_bounds_kolmogorovs_exact_one(count: int, off: float) -> None:
    """Massart: for every n the limit's tail is above the exact one, where it is below a half."""
    values = drawn(laws.normal(0, 1), count) * off
    limit, exact = (
        stats.kstest(values, "norm", method=method).pvalue for method in ("asymp", "exact")
    )
    ours = kolmogorov_p(apart(values), laws.normal(0, 1))
    assert ours == pytest.approx(limit, rel=1e-6, abs=1e-300)
    if exact < 0.5:
        assert ours >= exact * (1 - 1e-6)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_the_log_likelihood_is_that_of_a_multinomial_but_for_its_coefficient(law: Law) -> None:
    values = counted(cast(drawn(law, 2000), "BF16"), "BF16")
    cells = values.cells
    assert law.cdf is not None
    mass = np.diff(law.cdf(cells.edges))
    theirs = stats.multinomial(cells.total, mass / mass.sum()).logpmf(cells.counts)
    coefficient = math.lgamma(cells.total + 1) - sum(math.lgamma(n + 1) for n in cells.counts)
    assert log_likelihood(cells, law) == pytest.approx(theirs - coefficient, rel=1e-9)


def test_values_where_a_law_has_none_are_impossible() -> None:
    values = counted(cast(torch.tensor([0.01, 0.02, 0.2]), "F32"), "F32")
    assert log_likelihood(values.cells, laws.uniform(0, 0.1)) == -math.inf
    (one,) = hold(values, [laws.uniform(0, 0.1)], 1)
    assert one.p == one.tests["likelihood"] == one.tests["maximum"] == 0


EXTREMES = [
    (laws.normal(0, 1), [-1.0, 0.5, 3.5]),
    (laws.normal(0, 1), [-1e-3, 1e-3, 2e-3]),
    (laws.normal(0, 1), [-9.0, 0.5, 9.0]),
    (laws.normal(2, 1), [-1.0, 0.5, 3.5, 5.0]),
    (laws.uniform(0.0, 1.0), [0.25, 0.3, 0.75]),
    (laws.truncated_normal(0, 1, -2, 2), [-1.5, 0.0, 1.9]),
]


@pytest.mark.parametrize(("law", "values"), EXTREMES)
def test_extremes_have_the_p_values_of_order_statistics(law: Law, values: list[float]) -> None:
    """Of n values u = F(x), the greatest is Beta(n, 1) and the least Beta(1, n)."""
    if law.family == "normal":
        theirs = stats.norm(law.mean, law.std)
    elif law.family == "uniform":
        theirs = stats.uniform(0, 1)
    else:
        theirs = stats.truncnorm(-2, 2)
    count, low, high = len(values), min(values), max(values)
    tests = held(torch.tensor(values, dtype=torch.float64), "F64", law).tests
    # scipy's own tails keep their digits where 1 − F has none.
    above, below = theirs.sf(high), theirs.cdf(low)
    greatest = 2 * min(-math.expm1(count * math.log1p(-above)), theirs.cdf(high) ** count)
    least = 2 * min(-math.expm1(count * math.log1p(-below)), theirs.sf(low) ** count)
    # A grain of 2⁻²³ is allowed at the ends of a support, as generators have so many steps.
    assert tests["maximum"] == pytest.approx(min(1, greatest), rel=1e-4)
    assert tests["minimum"] == pytest.approx(min(1, least), rel=1e-4)
    if greatest < 1 and above > 1e-6:
        beta = stats.beta(count, 1)
        tails = beta.cdf(theirs.cdf(high)), beta.sf(theirs.cdf(high))
        assert tests["maximum"] == pytest.approx(2 * min(tails), rel=1e-4)


REPEATS = 300


@pytest.mark.parametrize("code", ["F32", "BF16", "F8_E4M3"])
@pytest.mark.parametrize("name", ["U(±0.05)", "N(0, 0.02²)"])
def test_under_the_law_no_p_value_is_small_too_often(name: str, code: str) -> None:
    """Simulated: the share of p ≤ t is at most t, by a binomial test.

    36 comparisons a dtype and law at 10⁻⁶ each: one false alarm in some 5,000 choices of seeds.
    """
    law = LAWS[name]
    tables = [
        held(cast(drawn(law, 200, seed).astype(np.float32), code), code, law).tests
        for seed in range(REPEATS)
    ]
    for test in TESTS:
        for bound in (0.02, 0.1, 0.3):
            below = sum(table[test] <= bound for table in tables)
            assert stats.binom.sf(below - 1, REPEATS, bound) > 1e-6, (test, bound)


@pytest.mark.parametrize("code", ["F32", "BF16"])
def test_the_likelihood_ratio_keeps_markovs_bound_against_any_rivals(code: str) -> None:
    """P(f/mean of all ≤ t) ≤ t under f: close rivals, which take turns in being likelier.

    6 comparisons at 10⁻⁶.
    """
    truth = laws.normal(0, 1)
    rivals = [laws.normal(mean, std) for mean in (-0.1, 0, 0.1) for std in (0.9, 1, 1.1)]
    found = []
    for seed in range(REPEATS):
        values = counted(cast(drawn(truth, 200, seed).astype(np.float32), code), code)
        found.append(hold(values, [truth, *rivals], 1 + len(rivals))[0].tests["likelihood"])
    assert min(found) < 0.5  # the rivals do win at times
    for bound in (0.05, 0.2, 0.5):
        below = sum(p <= bound for p in found)
        assert stats.binom.sf(below - 1, REPEATS, bound) > 1e-6


def test_rivals_that_are_not_worth_holding_count_in_the_mean() -> None:
    values = counted(cast(drawn(LAWS["N(0, 0.02²)"], 500), "F32"), "F32")
    alone, among = (hold(values, [LAWS["N(0, 0.02²)"]], count)[0] for count in (1, 10))
    assert alone.tests["likelihood"] == pytest.approx(1)
    assert among.tests["likelihood"] == 1
    two = hold(values, [LAWS["N(0, 0.02²)"], LAWS["N(1, 0.02²)"]], 2)
    assert [one.tests["likelihood"] for one in two] == [1, 0]
    assert two[0].log_likelihood == alone.log_likelihood


def test_the_joint_p_value_is_bonferronis() -> None:
    one = held(cast(drawn(LAWS["N(0, 0.02²)"], 500), "F32"), "F32", laws.normal(0, 0.021))
    assert set(one.tests) == TESTS
    assert one.p == pytest.approx(min(1.0, 6 * min(one.tests.values())))
    assert one.tests[one.against] == min(one.tests.values())


def padded(rows: int) -> torch.Tensor:
    values = torch.from_numpy(drawn(laws.normal(0, 0.02), 64 * 50).reshape(64, 50)).float()
    values[:rows] = 0
    return values


@pytest.mark.parametrize("code", ["F32", "BF16"])
def test_rows_of_zeros_are_asked_of_no_law_that_is_centred(code: str) -> None:
    stored = cast(padded(6), code)
    law = laws.normal(0, 0.02)
    plain, spared = (hold(counted(stored, code, zero_rows=rows), [law], 1)[0].p for rows in (0, 6))
    assert plain < LEVEL
    assert spared > 1e-3
    shifted = counted(stored, code, zero_rows=6)
    assert shifted.with_zeros(laws.uniform(0, 0.1)) == laws.uniform(0, 0.1)
    assert counted(stored, code).with_zeros(law) is law


@pytest.mark.parametrize("code", DRAWABLE)
@pytest.mark.parametrize("name", LAWS)
def test_of_laws_alike_in_scale_the_right_one_is_kept(name: str, code: str) -> None:
    """A law and others of the same mean and nearly its standard deviation.

    48 draws are to reach 10⁻⁷ in six tests: one false alarm in 200,000 choices of seeds.
    """
    truth = LAWS[name]
    half = truth.std * math.sqrt(3)
    others = {
        "uniform": laws.uniform(truth.mean - half, truth.mean + half),
        "normal": laws.normal(truth.mean, truth.std),
        "10 % wider": laws.normal(truth.mean, truth.std * 1.1),
        "moved": laws.normal(truth.mean + truth.std / 10, truth.std),
    }
    rivals = {key: law for key, law in others.items() if law.family != truth.family}
    rivals |= {key: law for key, law in others.items() if key in {"10 % wider", "moved"}}
    if name == "N(1, 0.02²)" and DTYPES[code].bits <= 8:
        rivals = {}  # all of it is rounded to a value or two
    stored = cast(drawn(truth, 20_000).astype(np.float32), code)
    kept, *refused = hold(counted(stored, code), [truth, *rivals.values()], 1 + len(rivals))
    assert kept.p >= LEVEL
    assert {key: one.p for key, one in zip(rivals, refused, strict=True) if one.p >= LEVEL} == {}
