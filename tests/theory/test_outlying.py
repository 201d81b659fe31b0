"""Lines that stand out are found; among lines alike, none is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from initcli.statistics.lines import LineFold, Lines
from initcli.theory import outlying
from initcli.theory.outlying import ALPHA, LineVerdict, judge_lines

Array = NDArray[np.float64]
MATRICES = 3000
# So many false alarms come by chance in one of 100,000 suites, were the rate just ALPHA.
MOST = int(stats.binom.isf(1e-5, MATRICES, ALPHA))


def lines_of(values: Array) -> Lines:
    fold = LineFold(values.shape, 0, values.size)
    fold.add(values.reshape(-1))
    return fold.rows


def verdict(values: Array) -> LineVerdict:
    return judge_lines(lines_of(values), values[0].size)


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 0.02, shape)


def of_energies(energy: Array) -> Lines:
    count = energy.size
    return Lines(0, energy, np.full(count, -1.0), np.ones(count), np.zeros(count, np.int64))


def test_alike_rows_are_not_named() -> None:
    assert verdict(normal(64, 64)) == LineVerdict(64, 0, 0, 0, 0, None, ())


def test_planted_rows_are_counted_and_the_worst_named() -> None:
    values = normal(64, 64)
    values[[5, 9]], values[30], values[40] = 0, 0.5, 0.01
    found = verdict(values)
    assert (found.zero, found.constant, found.hurt) == (2, 2, 0)
    assert (found.worst, found.dead) == ("5: all zero", (5, 9))
    values[17, 3], values[18, :2] = math.nan, [math.inf, -math.inf]
    found = verdict(values)
    assert (found.zero, found.hurt) == (2, 2)
    assert found.worst == "18: 2 not finite"


@pytest.mark.parametrize("factor", [3.0, 1 / 3])
@pytest.mark.parametrize("shape", [(16, 64), (64, 32), (300, 100), (32, 8, 3, 3)], ids=str)
def test_an_outlying_row_is_found_and_named(shape: tuple[int, ...], factor: float) -> None:
    values = normal(*shape, seed=3)
    values[11] *= factor
    found = verdict(values)
    assert (found.count, found.outlying, found.zero) == (shape[0], 1, 0)
    norms = np.sqrt(np.square(values.reshape(shape[0], -1)).sum(1))
    times = norms[11] / np.median(norms)
    assert found.worst == f"11: norm {times:.3g}× the median"


def test_a_part_of_the_rows_is_named_by_its_own_numbers() -> None:
    values = normal(64, 64)
    values[11] *= 5
    fold = LineFold((1064, 64), 64_000, values.size)
    fold.add(values.reshape(-1))
    assert str(judge_lines(fold.rows, 64).worst).startswith("1011: norm 4.98×")


def test_no_more_than_five_dead_lines_are_named() -> None:
    values = normal(32, 32)
    values[10:20] = 0
    found = verdict(values)
    assert (found.zero, found.dead) == (10, (10, 11, 12, 13, 14))


@pytest.mark.parametrize("factor", [1.9, 1 / 1.9])
def test_less_than_twice_the_median_is_of_no_account(factor: float) -> None:
    values = normal(64, 4096)
    values[11] *= factor
    assert verdict(values).outlying == 0


@pytest.mark.parametrize(("shape", "count"), [((15, 64), 0), ((16, 31), 0), ((16, 32), 1)], ids=str)
def test_few_or_short_lines_are_not_judged(shape: tuple[int, int], count: int) -> None:
    values = normal(*shape)
    values[4] *= 1e3
    assert verdict(values).outlying == count


def test_zero_and_broken_lines_are_no_peers() -> None:
    """Of 20 rows 5 are judged no more: 15 are too few, of 21 16 are enough."""
    for rows, count in ((20, 0), (21, 1)):
        values = normal(rows, 64)
        values[:3], values[3:5, 0] = 0, math.nan
        values[7] *= 1e3
        assert verdict(values).outlying == count


@pytest.mark.parametrize("shape", [(16, 32), (64, 32), (256, 64)], ids=str)
def test_gaussian_rows_give_no_more_false_alarms_than_stated(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(11)
    energies = rng.chisquare(shape[1], (MATRICES, shape[0]))
    alarms = sum(judge_lines(of_energies(each), shape[1]).outlying > 0 for each in energies)
    assert alarms <= MOST


@pytest.mark.parametrize("shape", [(16, 32), (64, 32), (64, 512), (512, 128)], ids=str)
def test_even_without_the_factor_the_false_alarm_rate_is_as_stated(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What decides alone where rows are long: the distance of the roots from the median."""
    monkeypatch.setattr(outlying, "_PRACTICAL", 1.0)
    rng = np.random.default_rng(7)
    energies = rng.chisquare(shape[1], (MATRICES, shape[0]))
    alarms = sum(judge_lines(of_energies(each), shape[1]).outlying > 0 for each in energies)
    assert alarms <= MOST


def test_most_of_many_large_rows_do_not_hide_one_another() -> None:
    values = normal(100, 64)
    values[:20] *= 10
    assert verdict(values).outlying == 20


EDGES = {
    "all zero": np.zeros((32, 32)),
    "all alike": np.ones((32, 32)),
    "energies that vanish": np.full((32, 32), 1e-200) * np.linspace(1, 9, 32)[:, None],
    "one row that does not vanish": np.concatenate([np.full((31, 32), 1e-200), np.ones((1, 32))]),
}


@pytest.mark.parametrize("values", EDGES.values(), ids=EDGES)
def test_lines_without_a_spread_are_not_judged(values: Array) -> None:
    assert verdict(values).outlying == 0


def test_energies_beyond_float64_are_not_judged_and_no_error() -> None:
    energy = np.full(32, 1e300)
    energy[:3] = math.inf
    assert judge_lines(of_energies(energy), 64).count == 32
    energy[:20] = math.inf
    assert judge_lines(of_energies(energy), 64).outlying == 0
