"""A scale is out of proportion where neither a factor nor its peers' spread explains it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.core.text import role_of
from initcli.theory.peers import FACTOR, out_of_proportion

PATTERNS = {
    "model.layers.12.mlp.up_proj.weight": "model.layers.*.mlp.up_proj.weight",
    "layers.0.experts.31.w1.weight": "layers.*.experts.*.w1.weight",
    "encoder.layer_3.kernel": "encoder.layer_*.kernel",
    "params/Dense_0/kernel": "params/Dense_*/kernel",
    "0.weight": "*.weight",
    "h.7": "h.*",
    "fc1.weight": "fc1.weight",
    "layer1.conv2.weight": "layer1.conv2.weight",
    "lstm.weight_ih_l0": "lstm.weight_ih_l0",
    "x2.3d.w": "x2.3d.w",
    "": "",
}


@pytest.mark.parametrize(("name", "pattern"), PATTERNS.items())
def test_numbers_of_layers_are_left_open(name: str, pattern: str) -> None:
    assert role_of(name) == pattern


SCALES = {
    "equal": ([1.0] * 5, []),
    "one of five": ([1, 1, 1, 1, 8.1], [4]),
    "just within the factor": ([1, 1, 1, 1, 7.9], []),
    "small": ([1, 1, 0.12, 1, 1], [2]),
    "both ways": ([1, 0.01, 1, 100, 1, 1, 1], [1, 3]),
    "four are too few": ([1, 1, 1, 100], []),
    "none": ([], []),
    "two of five are still fewer than half": ([1, 50, 1, 50, 1], [1, 3]),
    "doubling with depth": ([2.0**depth for depth in range(12)], []),
    "doubling with depth, one apart": ([*(2.0**depth for depth in range(8)), 1e9], [8]),
    "two kinds": ([1, 1.1, 0.9, 100, 110, 90], []),
}


@pytest.mark.parametrize(("scales", "expected"), SCALES.values(), ids=SCALES)
def test_who_is_out_of_proportion(scales: list[float], expected: list[int]) -> None:
    factors = out_of_proportion(scales)
    assert [index for index, factor in enumerate(factors) if factor is not None] == expected


def test_the_factor_is_that_to_the_median() -> None:
    assert out_of_proportion([2, 3, 4, 5, 400])[4] == pytest.approx(100)


MODERATE = st.lists(st.floats(1e-6, 1e6), max_size=30)


@given(MODERATE, st.floats(1e-3, 1e3))
def test_units_do_not_matter(scales: list[float], unit: float) -> None:
    ours, theirs = out_of_proportion(scales), out_of_proportion([unit * each for each in scales])
    for one, other in zip(ours, theirs, strict=True):
        # Rounding may carry what lies on the bound to either side of it.
        if one is not None and other is not None:
            assert one == pytest.approx(other, rel=1e-9)


@given(MODERATE)
def test_fewer_than_half_are_found_and_each_by_more_than_the_factor(scales: list[float]) -> None:
    factors = [each for each in out_of_proportion(scales) if each is not None]
    assert len(factors) * 2 <= len(scales)
    assert all(abs(math.log(each)) > math.log(FACTOR) for each in factors)


@pytest.mark.parametrize(("count", "spread"), [(5, 0.5), (12, 0.5), (12, 0.7), (80, 0.5)])
def test_scales_that_vary_by_half_raise_an_alarm_in_fewer_than_one_model_of_a_hundred(
    count: int, spread: float
) -> None:
    """Of log-normal scales; those of MiniLM's matrices spread by 0.07 to 0.16."""
    rng = np.random.default_rng(0)
    models = np.exp(rng.normal(0, spread, (2000, count))).tolist()
    alarms = sum(any(out_of_proportion(model)) for model in models)
    assert alarms < 20, alarms
