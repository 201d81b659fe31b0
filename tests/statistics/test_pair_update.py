"""The rank of a merged adapter is read off the update, though rounding makes it of full rank."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from initcli.core.dtypes import DTYPES
from initcli.statistics import gram
from initcli.statistics.pair_update import Noise, Update, rounding_noise, update_of
from raw import decoded, stored

Matrix = NDArray[np.float64]
SHAPES = [(256, 512), (512, 192), (320, 320)]
NO_NOISE = Noise(0.0, 0.0)


def rows_of(values: Matrix) -> Callable[[int, int], Matrix]:
    return lambda first, count: values[first : first + count]


def rounded(values: Matrix, code: str) -> Matrix:
    return decoded(stored(values, code), DTYPES[code]).reshape(values.shape)


def update(before: Matrix, step: Matrix, code: str) -> Update:
    """Measures what a step left of itself in a checkpoint."""
    after = rounded(before + step, code)
    noise = rounding_noise(rows_of(after), after.shape, DTYPES[code])
    return update_of(rows_of(after - before), after.shape, noise)


def scaled(step: Matrix, weight: Matrix, size: float) -> Matrix:
    return step * (size * np.linalg.norm(weight) / np.linalg.norm(step))


@pytest.mark.parametrize("code", ["BF16", "F16", "F32", "F64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [2, 4, 8, 16])
@pytest.mark.parametrize("size", [0.003, 0.01, 0.05])
def test_the_rank_of_a_merged_adapter(
    code: str, shape: tuple[int, int], rank: int, size: float
) -> None:
    rng = np.random.default_rng([rank, shape[0]])
    weight = rounded(rng.normal(0, 0.02, shape), code)
    step = rng.normal(size=(shape[0], rank)) @ rng.normal(size=(rank, shape[1]))
    found = update(weight, scaled(step, weight, size), code)
    assert (found.rank, found.is_low_rank) == (rank, True)


@pytest.mark.parametrize("code", ["BF16", "F16", "F32", "F64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0.001, 0.002, 0.003, 0.01, 0.05, 1.0])
def test_dense_updates_are_no_adapters(code: str, shape: tuple[int, int], size: float) -> None:
    rng = np.random.default_rng(shape[0])
    weight = rounded(rng.normal(0, 0.02, shape), code)
    assert not update(weight, scaled(rng.normal(size=shape), weight, size), code).is_low_rank


@pytest.mark.parametrize("code", ["BF16", "F16", "F32"])
def test_rounding_alone_has_no_rank(code: str) -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.02, (256, 384))
    assert update(weight, 0 * weight, code).rank == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_the_norm_is_numpys(shape: tuple[int, int], unit: float) -> None:
    step = np.random.default_rng(2).normal(size=shape)
    found = update_of(rows_of(step * unit), shape, NO_NOISE)
    assert found.norm == pytest.approx(float(np.linalg.norm(step, 2)) * unit, rel=1e-12)
    assert found.rank == min(shape)


def test_a_side_beyond_the_gram_matrix_has_a_norm_and_no_rank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gram, "GRAM_SIDE", 64)
    step = np.random.default_rng(3).normal(size=(100, 80))
    found = update_of(rows_of(step), step.shape, NO_NOISE)
    assert found.norm == pytest.approx(float(np.linalg.norm(step, 2)), rel=1e-4)
    assert found.rank is None
    assert found.reason
    assert update_of(rows_of(0 * step), step.shape, NO_NOISE).norm == 0


def test_nothing_is_said_of_what_is_not_finite() -> None:
    step = np.full((4, 4), math.nan)
    found = update_of(rows_of(step), step.shape, NO_NOISE)
    assert (found.norm, found.rank, found.is_low_rank) == (None, None, False)
    assert "not finite" in found.reason


def test_no_update_has_norm_and_rank_zero() -> None:
    assert update_of(rows_of(np.zeros((4, 5))), (4, 5), NO_NOISE) == Update(0.0, 0)


@pytest.mark.parametrize("code", ["BF16", "F32"])
def test_the_noise_is_that_of_rounding(code: str) -> None:
    drawn = np.random.default_rng(4).normal(0, 0.02, (400, 300))
    after = rounded(drawn, code)
    noise = rounding_noise(rows_of(after), after.shape, DTYPES[code])
    assert noise.energy == pytest.approx(float(np.square(after - drawn).sum()), rel=0.02)
    assert 1 < noise.norm / np.linalg.norm(after - drawn, 2) < 2
