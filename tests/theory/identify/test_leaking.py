"""Keras on torch lets some values through that are cut off elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from initcli.schemes import law as laws
from initcli.theory.identify.leaking import leaking

STD = 0.05
MEANT = laws.truncated_normal(0.0, STD, -2 * STD, 2 * STD)


def as_keras_draws(count: int) -> NDArray[np.float64]:
    """Repeats keras/src/backend/torch/random.py in NumPy."""
    tries = np.random.default_rng(0).standard_normal((count, 4))
    valid = np.abs(tries) < 2
    return STD * np.take_along_axis(tries, valid.argmax(-1)[:, None], -1)[:, 0]


def test_the_law_is_that_of_the_draws() -> None:
    law = leaking(MEANT)
    assert law is not None
    assert law.cdf is not None
    values = np.sort(as_keras_draws(2_000_000))
    beyond = float(np.mean(np.abs(values) > 2 * STD))
    expected = math.erfc(math.sqrt(2)) ** 4
    # Nine are expected; more than three standard deviations off in 0.3 % of seeds.
    assert abs(beyond - expected) < 3 * math.sqrt(expected / len(values))
    assert 2 * float(law.cdf(np.array([-2 * STD]))[0]) == pytest.approx(expected)
    shares = np.arange(1, len(values) + 1) / len(values)
    assert np.abs(law.cdf(values) - shares).max() * math.sqrt(len(values)) < 1.95  # 0.1 % of seeds


def test_the_law_ends_at_zero_and_one() -> None:
    law = leaking(MEANT)
    assert law is not None
    assert law.cdf is not None
    assert law.cdf(np.array([-math.inf, 0.0, math.inf])) == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    "law",
    [
        laws.normal(0, 1),
        laws.uniform(-1, 1),
        laws.truncated_normal(0.0, 1.0, -3.0, 3.0),
        laws.truncated_normal(1.0, 1.0, -1.0, 3.0),
    ],
    ids=lambda each: each.family,
)
def test_nothing_else_leaks(law: laws.Law) -> None:
    assert leaking(law) is None
