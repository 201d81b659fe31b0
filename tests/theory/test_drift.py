"""Drift: what is drawn again has not drifted, what was changed has.

At a level of 0.01, five of 500 pairs are expected to be found off; more than 14 would be with a
chance of 2e-4, and seeds are fixed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from initcli.theory.drift import Standing, shifts

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Values]
LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
LEVEL = 0.01
PAIRS = 500
MOST = 14


def standing(values: Values, nonfinite: int = 0) -> Standing:
    """Returns what a report says of values, as NumPy defines it."""
    variance = float(values.var()) if np.ptp(values) else 0.0
    third, fourth = (
        float(np.mean((values - values.mean()) ** power)) / variance ** (power / 2)
        if variance
        else None
        for power in (3, 4)
    )
    quantiles = np.quantile(values, LEVELS, method="inverted_cdf")
    return Standing(
        values.size + nonfinite,
        nonfinite,
        int(np.count_nonzero(values == 0)),
        float(values.mean()),
        variance,
        third,
        fourth,
        float(values.min()),
        float(values.max()),
        dict(zip(LEVELS, quantiles.tolist(), strict=True)),
    )


LAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "uniform": lambda rng, n: rng.uniform(-1, 1, n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "Student's t of five degrees": lambda rng, n: rng.standard_t(5, n),
    "half zeros": lambda rng, n: rng.normal(size=n) * (rng.uniform(size=n) < 0.5),
    "two modes": lambda rng, n: 0.1 * rng.normal(size=n) + np.sign(rng.normal(size=n)),
    "a coarse grid": lambda rng, n: np.round(4 * rng.normal(size=n)) / 4,
}


@pytest.mark.parametrize("count", [8, 30, 200, 5000])
@pytest.mark.parametrize("draw", LAWS.values(), ids=LAWS)
def test_what_is_drawn_again_has_not_drifted(draw: Draw, count: int) -> None:
    rng = np.random.default_rng(count)
    alarms = Counter(
        shift.statistic
        for _ in range(PAIRS)
        for shift in shifts(standing(draw(rng, count)), standing(draw(rng, count)))
        if shift.p < LEVEL
    )
    assert max(alarms.values(), default=0) <= MOST


CHANGES: dict[str, tuple[Callable[[Values], Values], str]] = {
    "shifted by a tenth": (lambda x: x + 0.1, "mean"),
    "a twentieth larger": (lambda x: 1.05 * x, "variance"),
    "squared to one side": (lambda x: (x**2 - 1) / np.sqrt(2.0), "skewness"),
    "uniform of the same moments": (
        lambda x: np.sqrt(12) * (stats.norm.cdf(x) - 0.5),
        "kurtosis",
    ),
    "one in a hundred zero": (lambda x: x * (np.arange(x.size) % 100 > 0), "zeros"),
    "signs only": (np.sign, "p50"),
}


@pytest.mark.parametrize(("change", "statistic"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_found_by_the_statistic_it_moves(
    change: Callable[[Values], Values], statistic: str
) -> None:
    """Twenty thousand values show each of these at 1e-6, in nine of ten draws at least."""
    rng = np.random.default_rng(7)
    found = sum(
        any(
            shift.statistic == statistic or (statistic == "p50" and shift.statistic[0] == "p")
            for shift in shifts(
                standing(rng.normal(size=20_000)), standing(change(rng.normal(size=20_000)))
            )
            if shift.p < 1e-6
        )
        for _ in range(20)
    )
    assert found >= 18


def moved(before: Standing, after: Standing) -> dict[str, float]:
    return {shift.statistic: shift.p for shift in shifts(before, after)}


def test_constants_differ_or_do_not() -> None:
    ones, more = standing(np.ones(64)), standing(np.full(64, 1.001))
    assert moved(ones, ones)["mean"] == 1
    assert moved(ones, more)["mean"] == 0
    spread = standing(np.random.default_rng(0).normal(1, 1e-3, 64))
    assert moved(ones, spread)["variance"] < 1e-9
    assert moved(spread, ones)["variance"] < 1e-9


def test_values_that_are_not_finite_are_counted() -> None:
    values = np.random.default_rng(0).normal(size=64)
    assert moved(standing(values), standing(values, nonfinite=1))["nan and inf"] == 0
    assert moved(standing(values, nonfinite=1), standing(values, nonfinite=1))["nan and inf"] == 1
    assert moved(Standing(3, 3), standing(values, nonfinite=1))["nan and inf"] == 0


def test_what_is_not_known_is_not_judged() -> None:
    assert moved(Standing(64), Standing(64)) == {"nan and inf": 1.0}
    bare = Standing(64, mean=0.0, variance=1.0)
    assert set(moved(bare, bare)) == {"nan and inf", "mean"}


def test_few_values_tell_no_variance() -> None:
    one, other = standing(np.array([1.0, 2.0])), standing(np.array([5.0, 9.0]))
    assert set(moved(one, other)) == {"nan and inf", "zeros", "skewness", "kurtosis", "p99"}


def test_the_scale_of_one_in_welchs_test_is_scipys() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=40), rng.normal(0.5, 2, size=25)
    expected = stats.ttest_ind(one, other, equal_var=False).pvalue
    assert moved(standing(one), standing(other))["mean"] == pytest.approx(expected, rel=1e-9)
