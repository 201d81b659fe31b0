"""What is planted among exchangeable values is found by the test that is for it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from initcli.theory.identify.block import Block, Extent, Sides
from initcli.theory.identify.places import look_at_places

Floats = NDArray[np.float64]
MATRIX, KERNEL = Sides(96, 128), Sides(64, 32 * 9, 9, 3)
TELLING = 1e-9
LINES = {f"{line} {what}" for line in ("row", "column") for what in ("means", "energies")}
OF_MATRIX = LINES | {"single row", "single column", "singular value"}
OF_KERNEL = OF_MATRIX | {
    *(f"{line} {what}" for line in ("input", "tap") for what in ("means", "energies")),
    *("single input", "single tap", "neighbouring taps"),
}


def noise(sides: Sides, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 0.02, (sides.rows, sides.columns))


def steps(count: int, reach: float) -> Floats:
    return np.linspace(-reach, reach, count)


def with_line(sides: Sides, index: tuple[object, ...], factor: float) -> Floats:
    values = noise(sides)
    values[index] *= factor
    return values


def with_spike(sides: Sides) -> Floats:
    """A direction that is twice as large as chance makes the largest."""
    rng = np.random.default_rng(1)
    ends = [each / np.linalg.norm(each) for each in map(rng.normal, (0, 0), (1, 1), (96, 128))]
    return noise(sides) + 0.02 * 2 * (math.sqrt(96) + math.sqrt(128)) * np.outer(*ends)


def smooth(sides: Sides) -> Floats:
    """Kernels of which every tap has something of the one before it."""
    taps = noise(sides).reshape(sides.rows, -1, 3, 3)
    taps[..., 1:] += 0.4 * taps[..., :-1].copy()
    return taps.reshape(sides.rows, -1)


TAPS = np.tile(steps(9, 0.5), 32)
INPUTS = np.repeat(steps(32, 0.5), 9)
PLANTED: dict[str, tuple[Sides, Callable[[], Floats]]] = {
    "row means": (MATRIX, lambda: noise(MATRIX) + 0.02 * steps(96, 0.5)[:, None]),
    "column means": (MATRIX, lambda: noise(MATRIX) + 0.02 * steps(128, 0.5)),
    "row energies": (MATRIX, lambda: noise(MATRIX) * (1 + steps(96, 0.5))[:, None]),
    "column energies": (MATRIX, lambda: noise(MATRIX) * (1 + steps(128, 0.5))),
    "single row": (MATRIX, lambda: with_line(MATRIX, (5,), 2.0)),
    "single column": (MATRIX, lambda: with_line(MATRIX, (slice(None), 7), 2.0)),
    "singular value": (MATRIX, lambda: with_spike(MATRIX)),
    "input means": (KERNEL, lambda: noise(KERNEL) + 0.02 * INPUTS),
    "input energies": (KERNEL, lambda: noise(KERNEL) * (1 + INPUTS)),
    "single input": (KERNEL, lambda: with_line(KERNEL, (slice(None), slice(18, 27)), 2.0)),
    "tap means": (KERNEL, lambda: noise(KERNEL) + 0.02 * TAPS),
    "tap energies": (KERNEL, lambda: noise(KERNEL) * (1 + TAPS)),
    "single tap": (KERNEL, lambda: with_line(KERNEL, (slice(None), slice(4, None, 9)), 1.5)),
    "neighbouring taps": (KERNEL, lambda: smooth(KERNEL)),
}


@pytest.mark.parametrize("test", PLANTED)
def test_what_is_planted_is_found(test: str) -> None:
    sides, values = PLANTED[test]
    assert look_at_places(Block.of(values(), Extent.whole(sides))).tests[test] < TELLING


@pytest.mark.parametrize(("sides", "names"), [(MATRIX, OF_MATRIX), (KERNEL, OF_KERNEL)])
@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_is_planted_nothing_is_found(
    sides: Sides, names: set[str], seed: int
) -> None:
    """106 p-values beyond 10⁻⁵ each: a false alarm in a thousand choices of seeds."""
    seen = look_at_places(Block.of(noise(sides, seed), Extent.whole(sides)))
    assert set(seen.tests) == names
    assert min(seen.tests.values()) > 1e-5
    assert seen.size == sides.rows * sides.columns


@pytest.mark.parametrize(
    "sides", [Sides(32, 96), Sides(40, 16 * 9, 9, 3)], ids=["matrix", "kernel"]
)
def test_chance_alone_is_not_found_too_often(sides: Sides) -> None:
    """120 draws: the share of p ≤ 0.02 and 0.1 is no more than that, by a binomial test.

    38 comparisons at 10⁻⁶ each; a p-value that is a little too small needs the study to show.
    """
    found = [
        look_at_places(Block.of(noise(sides, seed), Extent.whole(sides))).tests
        for seed in range(120)
    ]
    for name in found[0]:
        for bound in (0.02, 0.1):
            below = sum(tests[name] <= bound for tests in found)
            assert stats.binom.sf(below - 1, len(found), bound) > 1e-6, (name, bound)


def test_all_planted_tests_are_all_there_are() -> None:
    assert set(PLANTED) == OF_MATRIX | OF_KERNEL


def test_the_means_of_rows_have_the_p_value_of_an_analysis_of_variance() -> None:
    """SciPy's is of the upper tail, ours of the smaller one, twice."""
    # Within three root mean squares, so that nothing is cut off.
    values = np.clip(noise(MATRIX) + 0.02 * steps(96, 0.15)[:, None], -0.05, 0.05)
    ours = look_at_places(Block.of(values, Extent.whole(MATRIX))).tests["row means"]
    assert ours == pytest.approx(2 * stats.f_oneway(*values).pvalue, rel=1e-6)
    of_columns = look_at_places(Block.of(values, Extent.whole(MATRIX))).tests["column means"]
    upper = stats.f_oneway(*values.T).pvalue
    assert of_columns == pytest.approx(2 * min(upper, 1 - upper), rel=1e-6)


@pytest.mark.parametrize("shape", [(3, 5), (8, 60), (0, 7)])
def test_too_few_values_show_nothing(shape: tuple[int, int]) -> None:
    sides = Sides(*shape)
    seen = look_at_places(Block.of(np.ones(shape) * steps(shape[1], 1), Extent.whole(sides)))
    assert (dict(seen.tests), seen.size, seen.evenness) == ({}, 0, 1.0)


def test_values_of_one_size_have_no_energies_to_compare() -> None:
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (64, 64))
    signs[:, 32:] = -signs[:, :32]  # their mean is 0, so that all squares are equal
    names = look_at_places(Block.of(signs, Extent.whole(Sides(64, 64)))).tests
    assert {"row means", "column means"} <= set(names)
    assert not any("energies" in name or "single" in name for name in names)
