"""The law of drawn values after they were rounded to the dtype that stores them.

Underflow is no detail: a normal with std 0.0014 loses half of its values to zero in F8_E4M3,
and 15 % is added to its variance. So the mass between the rounding boundaries of every
representable value is summed exactly, rather than rounding error being bounded.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.schemes.law import Fixed, Law, constant, pattern
from initcli.statistics.grid import every_value

_TABLE_BITS = 16
_SIX_SIGMA = 6.0
_COARSE = 1e-3
# What a cdf near 1 has no digits for.
_NEVER = 2.0**-52


@functools.lru_cache(maxsize=4096)
def stored_law(law: Law, dtype: DType) -> Law:
    """Returns the law of values drawn by a law and rounded to nearest in a dtype.

    Args:
        law: How values are drawn.
        dtype: A real floating-point dtype.

    Returns:
        The law with its moments after rounding; wider dtypes than 16 bits leave it as it is.
    """
    if law.fixed is Fixed.EVERYTHING:
        return _stored_pattern(law, dtype)
    if dtype.bits > _TABLE_BITS:
        return law
    grid = _finite_values(dtype)
    mass = _mass(law, dtype, grid)
    if mass.max() >= 1 - _NEVER:
        return constant(float(grid[mass.argmax()]))
    held = mass > 0
    mean = float((mass[held] * grid[held]).sum())
    second, third, fourth, sixth = _moments_about(mean, grid[held], mass[held])
    return replace(
        law,
        mean=mean,
        variance=second,
        skewness=third / second**1.5,
        kurtosis=fourth / second**2,
        sixth=sixth / second**3,
    )


def _moments_about(
    mean: float, values: NDArray[Any], mass: NDArray[Any]
) -> tuple[float, float, float, float]:
    """Returns the second, third, fourth and sixth; powers would take ten times as long."""
    off = values - mean
    square = off * off
    weighted = mass * square
    fourth = weighted * square
    return (
        float(weighted.sum()),
        float((weighted * off).sum()),
        float(fourth.sum()),
        float((fourth * square).sum()),
    )


def _stored_pattern(law: Law, dtype: DType) -> Law:
    if law.atoms is None:
        return constant(float(rounded(np.array(law.mean), dtype)))
    values, shares = law.atoms
    return pattern(law.family, rounded(values, dtype), shares)


def _mass(law: Law, dtype: DType, grid: NDArray[Any]) -> NDArray[Any]:
    """Returns the probability of every finite value, of draws that stay finite."""
    if law.cdf is None:
        raise ValueError("a law without a cdf has no mass to share out")
    edge = math.inf if dtype.saturates else grid[-1] + (grid[-1] - grid[-2]) / 2
    bounds = np.concatenate([[-edge], (grid[1:] + grid[:-1]) / 2, [edge]])
    mass = np.diff(law.cdf(bounds))
    total = mass.sum()
    # Where every draw overflows, the largest value of its side is the nearest thing to a law.
    if not total:
        mass[-1 if law.mean > 0 else 0] = total = 1.0
    return np.asarray(mass / total)


def below_resolution(law: Law) -> bool:
    """Whether float32, in which everything is drawn, is too coarse for a law's spread.

    Its values then lie on a few grid points only, and on which is up to torch's arithmetic.
    """
    if law.fixed is not Fixed.NOTHING:
        return False
    return float(np.spacing(np.float32(abs(law.mean)))) > law.std * _COARSE


def mass_at_zero(law: Law, dtype: DType) -> float:
    """Returns the probability that a value drawn in float32 is stored as zero in a dtype."""
    if law.cdf is None:
        raise ValueError("a law without a cdf has no mass to share out")
    nearest = float(np.nextafter(np.float32(0), np.float32(1)))
    if dtype.bits <= _TABLE_BITS:
        grid = _finite_values(dtype)
        nearest = float(grid[grid > 0].min())
    below, above = law.cdf(np.array([-nearest, nearest]) / 2)
    return float(above - below)


def rounded(values: NDArray[Any], dtype: DType) -> NDArray[Any]:
    """Returns values as a dtype stores them; those that overflow as they are."""
    if dtype.saturates:
        values = np.clip(values, -dtype.largest, dtype.largest)
    with np.errstate(over="ignore", invalid="ignore"):
        stored = values.astype(np.float32).astype(dtype.numpy).astype(np.float64)
    return np.where(np.isfinite(stored), stored, values)


@functools.cache
def _finite_values(dtype: DType) -> NDArray[Any]:
    """Returns every finite value of a dtype of at most 16 bits, ascending."""
    values = every_value(dtype)
    return np.unique(values[np.isfinite(values)])


def rounding_tolerance(law: Law, dtype: DType, count: int) -> float:
    """Returns how far, relative to the law's scale, rounding alone may move a fixed quantity.

    Args:
        law: The stored law.
        dtype: What it is stored in.
        count: The number of values, over which rounding errors average out.
    """
    if law.fixed is Fixed.NOTHING:
        return 0.0
    if law.fixed is Fixed.EVERYTHING:
        return 1e-6  # the stored law is rounded already; float64 may hold what float32 does not
    least = 1e-5  # float32 orthogonalisation is off by a few 1e-6
    if dtype.bits > _TABLE_BITS:
        return least
    return least + _SIX_SIGMA * _energy_noise(law, dtype) / math.sqrt(count)


@functools.lru_cache(maxsize=4096)
def _energy_noise(law: Law, dtype: DType) -> float:
    """Returns the standard deviation of q² − x², relative to the variance, for x rounded to q.

    Within half a step of q the change is at most |q|·step, spread about evenly.
    """
    if law.cdf is None:
        return dtype.epsilon
    grid = _finite_values(dtype)
    mass = _mass(law, dtype, grid)
    step = np.gradient(grid)
    change = np.maximum(np.abs(grid), step / 2) * step
    return math.sqrt(float(mass @ change**2) / 3) / law.variance
