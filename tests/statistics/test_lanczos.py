from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from initcli.statistics import lanczos
from initcli.statistics.lanczos import NotConvergedError, Product, dominant

SIDE = 500
FALLING = np.arange(SIDE)

DIAGONALS = {
    "positive": 1.0 / (1 + FALLING),
    "negative": -1.0 / (1 + FALLING),
    "both ends": np.linspace(-1, 1.01, SIDE),
    "one value": np.full(SIDE, 0.3),
    "one of many": np.where(FALLING == 7, 1.0, 0.0),
    "a pair that cancels": np.where(FALLING < 2, 0.5 - FALLING, 0.0),
    "twice the largest": np.where(FALLING < 2, 1.0, 0.4),
    "small": 1e-7 * np.linspace(-0.9, 1, SIDE),
}


def times(diagonal: NDArray[np.float64]) -> Product:
    return lambda x: diagonal * x


@pytest.mark.parametrize("diagonal", DIAGONALS.values(), ids=DIAGONALS)
def test_the_dominant_eigenvalue_has_the_largest_magnitude_and_its_sign(
    diagonal: NDArray[np.float64],
) -> None:
    expected = diagonal[np.abs(diagonal).argmax()]
    assert dominant(times(diagonal), SIDE, [1e-7]) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("diagonal", DIAGONALS.values(), ids=DIAGONALS)
def test_the_same_operator_has_the_same_bits(diagonal: NDArray[np.float64]) -> None:
    one, other = (dominant(times(diagonal), SIDE, [1e-7]) for _ in range(2))
    assert one.hex() == other.hex()


def test_zero_has_the_eigenvalue_zero() -> None:
    assert dominant(np.zeros_like, SIDE, [1e-4]) == 0.0


def test_rounding_noise_that_vanishes_when_repeated_is_no_error() -> None:
    found = dominant(lambda x: np.where(np.abs(x) > 1e-3, 1e-16 * x, 0.0), SIDE, [1e-4])
    assert 0 < found < 1e-15


@pytest.mark.parametrize("side", [2, 3, 19, 20, 21])
def test_fewer_dimensions_than_vectors_suffice(side: int) -> None:
    assert dominant(times(np.arange(side) - 0.4), side, [1e-7]) == pytest.approx(side - 1.4)


CROWDED = 1 - (FALLING / SIDE) ** 5


def test_where_eigenvalues_crowd_a_looser_tolerance_is_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanczos, "_RESTARTS", 20)
    assert dominant(times(CROWDED), SIDE, [1e-9, 1e-3]) == pytest.approx(1, rel=1e-3)


def test_what_does_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanczos, "_RESTARTS", 2)
    with pytest.raises(NotConvergedError, match="did not converge"):
        dominant(times(CROWDED), SIDE, [1e-12])
