"""What departs from a law is found where neither chance nor tolerance covers it."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.schemes.law import Law, constant, normal
from initcli.statistics.moments import Moments
from initcli.statistics.summary import Summary
from initcli.theory.judge import Judgment, judge
from initcli.theory.rejection import departures, holm

BILLION, MILLION = 10**9, 10**6
UNIT = normal(0.0, 1.0)


def judged(law: Law, count: int, mean: float, variance: float) -> Judgment:
    """Returns what is thought of so many float32 values with these moments."""
    moments = Moments(count, mean, count * variance, 0.0, 3 * count * variance**2)
    return judge(law, DTYPES["F32"], Summary(moments, count))


# Beside what is found: the distance in standard errors that the row stands for.
DEPARTURES = {
    "as drawn": (judged(UNIT, BILLION, 0, 1), (False, False)),
    "a ratio of 1.0002: 4.5": (judged(UNIT, BILLION, 0, 1.0002), (False, False)),
    "a ratio of 1.002: 45": (judged(UNIT, BILLION, 0, 1.002), (False, True)),
    "a ratio of 0.998: −45": (judged(UNIT, BILLION, 0, 0.998), (False, True)),
    "a ratio of 1.002 of few: 1.4": (judged(UNIT, MILLION, 0, 1.002), (False, False)),
    "a mean of 5e-4: 16": (judged(UNIT, BILLION, 5e-4, 1), (False, False)),
    "a mean of −2e-3: −63": (judged(UNIT, BILLION, -2e-3, 1), (True, False)),
    "a mean of 2e-3 of few: 2": (judged(UNIT, MILLION, 2e-3, 1), (False, False)),
    "a scaled mean": (judged(normal(0.0, 1e-3), BILLION, 2e-6, 1e-6), (True, False)),
    "a constant a little off": (judged(constant(1.0), MILLION, 1.0001, 0), (True, True)),
    "a constant that varies": (judged(constant(0.0), MILLION, 0, 1e-12), (False, True)),
    "an overflow": (judged(UNIT, MILLION, 0, math.inf), (False, True)),
}


@pytest.mark.parametrize(("judgment", "expected"), DEPARTURES.values(), ids=DEPARTURES)
def test_what_is_off_lies_beyond_band_and_tolerance(
    judgment: Judgment, expected: tuple[bool, bool]
) -> None:
    assert departures([judgment], 1e-3) == [expected]


def test_without_tolerance_the_band_alone_decides() -> None:
    slight = judged(UNIT, BILLION, 0, 1.0002)
    assert departures([slight], 1e-3, tolerance=0) == [(False, True)]


def test_a_tolerance_only_takes_rejections_back() -> None:
    every = [judgment for judgment, _ in DEPARTURES.values()]
    strict, lenient = (departures(every, 1e-3, each) for each in (0.0, 0.1))
    for before, after in zip(strict, lenient, strict=True):
        assert all(was or not is_off for was, is_off in zip(before, after, strict=True))
    assert strict != lenient


HOLM = [
    ([0.01, 0.04, 0.03, 0.005], 0.05, [True, False, False, True]),
    ([0.01, 0.02, 0.03], 0.05, [True, True, True]),
    ([0.02, 0.02, 0.02], 0.05, [False, False, False]),
    ([0.0, 1.0], 0.001, [True, False]),
    ([0.05], 0.05, [True]),
    ([], 0.05, []),
]


@pytest.mark.parametrize(("p_values", "alpha", "rejected"), HOLM)
def test_holm_agrees_with_hand(p_values: list[float], alpha: float, rejected: list[bool]) -> None:
    assert holm(p_values, alpha) == rejected


@given(
    st.lists(st.floats(0, 1) | st.sampled_from([0.01, 0.0125, 0.05, 0.0]), max_size=7),
    st.sampled_from([0.001, 0.05, 0.5]),
)
def test_holm_is_the_closure_of_bonferroni(p_values: list[float], alpha: float) -> None:
    everything = range(len(p_values))
    subsets = [
        subset
        for size in range(1, len(p_values) + 1)
        for subset in itertools.combinations(everything, size)
    ]

    def is_rejected(one: int) -> bool:
        containing = [subset for subset in subsets if one in subset]
        return all(min(p_values[i] for i in each) <= alpha / len(each) for each in containing)

    assert holm(p_values, alpha) == [is_rejected(one) for one in everything]
