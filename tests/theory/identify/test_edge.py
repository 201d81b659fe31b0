"""The largest singular value: what Lanczos finds of it, and how likely chance is as large.

Published: I. Dumitriu and F. Bornemann's figures of the Tracy–Widom law of order 1 (Bornemann,
"On the numerical evaluation of distributions in random matrix theory", Markov Processes and
Related Fields 16, 2010): mean −1.2065335746, variance 1.6077810345, 95 % at 0.9793, 99 % at 2.0234.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import integrate, stats

from initcli.theory.identify.edge import FEWEST, edge_p, largest_singular

SIDES = (400, 900)
SHAPES = [(16, 16), (16, 400), (400, 16), (60, 90), (200, 200), (300, 128)]


def standardised(at: float, sides: tuple[int, int] = SIDES) -> float:
    """Returns the singular value that lies so far along the Tracy–Widom law."""
    m, n = (math.sqrt(side - 0.5) for side in sides)
    return math.sqrt((m + n) ** 2 + at * (m + n) * (1 / m + 1 / n) ** (1 / 3))


def above(at: float) -> float:
    return edge_p(standardised(at), 1.0, SIDES)[0]


@pytest.mark.parametrize(
    ("at", "tail"), [(0.9793, 0.05), (2.0234, 0.01), (-1.2686, 0.5), (-3.8954, 0.99)]
)
def test_quantiles_are_tracy_and_widoms(at: float, tail: float) -> None:
    """To 0.005 of the probability in the middle, and to a twentieth of it in the tail."""
    assert above(at) == pytest.approx(tail, rel=0.05, abs=0.0005 if tail < 0.5 else 0.005)


def test_mean_and_variance_are_tracy_and_widoms() -> None:
    grid = np.linspace(-9, 9, 4001)
    tail = np.array([above(at) for at in grid])
    mean = grid[0] + integrate.trapezoid(tail, grid)
    second = grid[0] ** 2 + 2 * integrate.trapezoid(grid * tail, grid)
    assert mean == pytest.approx(-1.2065335746, abs=2e-3)
    assert second - mean**2 == pytest.approx(1.6077810345, rel=2e-3)


def test_either_tail_is_the_others_complement_and_scale_is_no_matter() -> None:
    for at in (-3.0, -1.0, 1.0):
        larger, smaller = edge_p(standardised(at), 1.0, SIDES)
        assert larger + smaller == pytest.approx(1, rel=1e-9)
        scaled = edge_p(standardised(at) * 0.02, 0.02**2, SIDES[::-1])
        assert scaled == pytest.approx((larger, smaller), rel=1e-6)
    assert edge_p(0.0, 1.0, SIDES) == (1.0, 0.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_found_is_never_more_than_numpys_and_near_it(shape: tuple[int, int]) -> None:
    for seed in range(3):
        matrix = np.random.default_rng(seed).normal(0, 0.02, shape)
        largest = np.linalg.svd(matrix, compute_uv=False)[0]
        found = largest_singular(matrix)
        assert found <= largest * (1 + 1e-5)
        assert found >= largest * 0.98


@pytest.mark.parametrize("shape", SHAPES)
def test_what_stands_out_is_found_to_all_digits(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    spike = np.outer(*(rng.normal(size=side) / math.sqrt(side) for side in shape))
    matrix = rng.normal(0, 0.02, shape) + spike * 0.2 * math.sqrt(max(shape))
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    assert largest_singular(matrix) == pytest.approx(largest, rel=1e-5)
    assert edge_p(largest_singular(matrix), float(np.mean(matrix**2)), shape)[0] < 1e-6


@settings(max_examples=40)
@given(arrays.arrays(np.float64, (7, 5), elements=st.floats(-100, 100, width=16)))
def test_of_small_matrices_it_is_numpys(matrix: np.ndarray) -> None:
    largest = np.linalg.svd(matrix, compute_uv=False)[0]
    assert largest_singular(matrix) == pytest.approx(largest, rel=1e-4, abs=1e-4)


def test_a_matrix_of_few_ranks_ends_the_search_early() -> None:
    assert largest_singular(np.zeros((20, 30))) == 0
    assert largest_singular(np.ones((20, 30))) == pytest.approx(math.sqrt(600), rel=1e-6)


@pytest.mark.parametrize("shape", [(FEWEST, 40), (64, 64), (60, 300)])
@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_chance_alone_is_not_called_more_too_often(shape: tuple[int, int], law: str) -> None:
    """150 matrices: the share of p ≤ 0.05 and 0.2 is at most that, by a binomial test at 10⁻⁶."""
    rng = np.random.default_rng(0)
    draw = {"normal": rng.standard_normal, "uniform": lambda size: rng.uniform(-1, 1, size)}[law]
    found = []
    for _ in range(150):
        matrix = draw(shape)
        found.append(edge_p(largest_singular(matrix), float(np.mean(matrix**2)), shape)[0])
    for bound in (0.05, 0.2):
        assert stats.binom.sf(sum(p <= bound for p in found) - 1, 150, bound) > 1e-6
