"""Sums without counting, by the compiled loop and by its NumPy twin."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from both_kernels import served_by
from initcli.kernels import twin

TILE = 2048


@pytest.fixture(scope="module")
def kernel() -> ModuleType:
    return served_by("compiled")


@pytest.mark.parametrize("code", ["f", "d"])
@pytest.mark.parametrize("count", [0, 1, TILE - 1, TILE, 2 * TILE + 5])
def test_totals_are_equal(kernel: ModuleType, code: str, count: int) -> None:
    values = np.random.default_rng(count).normal(3, 1, count).astype(f"<{code}")
    ours, theirs = (each.total(memoryview(values.tobytes()), code) for each in (kernel, twin))
    assert ours is not None
    assert theirs is not None
    assert ours[0] == theirs[0] == count
    for found in (ours, theirs):
        total, square = float(values.astype(float).sum()), float((values.astype(float) ** 2).sum())
        assert found[2] + count * found[1] == pytest.approx(total, rel=1e-12)
        about = found[3] + 2 * found[1] * found[2] + count * found[1] ** 2
        assert about == pytest.approx(square, rel=1e-12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_total(kernel: ModuleType, value: float) -> None:
    values = np.array([1.0] * 5000 + [value], "<f4").tobytes()
    assert [each.total(memoryview(values), "f") for each in (kernel, twin)] == [None, None]


@pytest.mark.parametrize("value", [0.1, -1 / 3, 1e-30, 7e5])
def test_a_constant_leaves_no_dust(kernel: ModuleType, value: float) -> None:
    values = np.full(5003, value, "<f4")
    for each in (kernel, twin):
        assert each.total(memoryview(values.tobytes()), "f") == (5003, float(values[0]), 0.0, 0.0)
