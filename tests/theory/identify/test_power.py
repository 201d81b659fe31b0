"""How many values it takes, by the formula and by simulation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from identified import cast, counted
from initcli.schemes import law as laws
from initcli.theory.identify.decide import too_few
from initcli.theory.identify.marginal import hold
from initcli.theory.identify.power import RATIO, level_of, needed

TRIALS = 400
POINTS = [(1e-3, 1.5), (1e-5, 1.25), (1e-4, 1.1)]


@pytest.mark.parametrize(("level", "ratio"), POINTS)
@pytest.mark.parametrize("family", ["normal", "uniform"])
def test_as_many_values_refuse_a_law_as_often_as_is_said(
    level: float, ratio: float, family: str
) -> None:
    """Power 0.99 by the normal approximation; 0.9 at least, but for 10⁻⁶ by a binomial test."""
    rng, kurtosis = np.random.default_rng(2), {"normal": 3.0, "uniform": 1.8}[family]
    half = np.sqrt(3)
    law = laws.normal(0, 1) if family == "normal" else laws.uniform(-half, half)
    count = needed(level, ratio, kurtosis)
    size = (TRIALS, count)
    drawn = rng.normal(0, ratio, size) if family == "normal" else rng.uniform(-half, half, size)
    scaled = drawn * (1 if family == "normal" else 1 / ratio)
    tests = [hold(counted(cast(values, "F64"), "F64"), [law], 1)[0] for values in scaled]
    refused = sum(one.p < level for one in tests)
    assert stats.binom.cdf(refused, TRIALS, 0.9) > 1e-6
    # And a fifth of them does not do it nearly as often.
    few = [hold(counted(cast(each[: count // 5], "F64"), "F64"), [law], 1)[0] for each in scaled]
    assert sum(one.p < level for one in few) < 0.8 * refused


@given(st.floats(1e-9, 0.1), st.floats(1.001, 1.2))
def test_more_is_needed_for_less(level: float, ratio: float) -> None:
    assert needed(level / 10, ratio) > needed(level, ratio) >= 1
    assert needed(level, 1 + (ratio - 1) / 2) > needed(level, ratio)
    assert needed(level, ratio, 1.8) <= needed(level, ratio, 3.0)


@pytest.mark.parametrize(
    ("alpha", "tensors", "level"), [(1e-3, 1, 5e-4), (1e-3, 100, 5e-6), (0.1, 0, 0.05)]
)
def test_the_family_wise_error_is_shared_by_tensors_and_questions(
    alpha: float, tensors: int, level: float
) -> None:
    assert level_of(alpha, tensors) == pytest.approx(level)


def test_what_is_too_little_is_told_with_what_would_do() -> None:
    least = needed(1e-4, RATIO)
    assert too_few(least, 1e-4) == ""
    told = too_few(least - 1, 1e-4)
    assert told.startswith(f"{least - 1} values; {least} are needed")
    assert "2× as large" in told


README = Path(__file__).parents[3] / "README.md"
PAIRS = [
    (2.0, 3.0),
    (math.sqrt(2), 3.0),
    (math.sqrt(2.5), 3.0),
    (1.137, 1.94),
    (1 / 0.9866, 2.83),
    (1.00195, 3.0),
]


@pytest.mark.parametrize(("ratio", "kurtosis"), PAIRS)
def test_readme_says_how_many_values_tell_two_laws_apart(ratio: float, kurtosis: float) -> None:
    told = f"| {needed(level_of(1e-3, 100), ratio, kurtosis):,} |"
    assert told in README.read_text("utf-8")
