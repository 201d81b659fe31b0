"""Moments up to the fourth that merge: floating, exact for integers, and complex.

Variances are those of the values themselves (divided by n, as NumPy's default), not estimates
of a population's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from initcli.statistics.exact_moments import ExactMoments


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and sums of powers of the deviations from the mean, in float64.

    Merging follows Pébay, "Formulas for robust, one-pass parallel computation of covariances and
    arbitrary-order statistical moments" (Sandia report SAND2008-6212, 2008).

    Attributes:
        count: The number of values.
        mean: Their mean; NaN without values.
        deviations: Σ(x − mean)².
        cubes: Σ(x − mean)³.
        fourths: Σ(x − mean)⁴.
    """

    count: int = 0
    mean: float = math.nan
    deviations: float = 0.0
    cubes: float = 0.0
    fourths: float = 0.0

    @classmethod
    def about(cls, count: int, shift: float, sums: Sequence[float]) -> Self:
        """Builds moments from Σ(x − shift)ᵏ, k = 1, 2, 3, 4, with a shift near the mean.

        Args:
            count: The number of values.
            shift: What the sums are about.
            sums: Two, or all four of them; the higher moments of two are NaN.
        """
        if not count:
            return cls()
        first, second, *higher = sums
        off = first / count
        deviations = _not_negative(second - off * first)
        if not higher:
            return cls(count, shift + off, deviations, math.nan, math.nan)
        third, fourth = higher
        return cls(
            count,
            shift + off,
            deviations,
            third - 3 * off * second + 2 * off * off * first,
            _not_negative(
                fourth - 4 * off * third + 6 * off * off * second - 3 * off * off * off * first
            ),
        )

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean; NaN without values."""
        return self.deviations / self.count if self.count else math.nan

    @property
    def skewness(self) -> float:
        """The third standardised moment; NaN where the variance vanishes or overflows."""
        return _ratio(self.cubes, self.deviations, self.count, order=3)

    @property
    def kurtosis(self) -> float:
        """The fourth standardised moment, 3 for a normal law; NaN like the skewness."""
        return _ratio(self.fourths, self.deviations, self.count, order=4)

    @property
    def energy(self) -> float:
        """Σx²."""
        return self.deviations + self.count * self.mean * self.mean if self.count else 0.0

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        share, rest = self.count / count, other.count / count
        step = other.mean - self.mean
        mean = self.mean + step * rest
        if math.isinf(step):
            mean = self.mean * share + other.mean * rest
        # Associated so that large steps overflow only where the result does.
        between = step * share * (step * other.count)
        return type(self)(
            count,
            mean,
            self.deviations + other.deviations + between,
            self._pooled_cubes(other, step, share, rest),
            self._pooled_fourths(other, step, share, rest),
        )

    def _pooled_cubes(self, other: Self, step: float, share: float, rest: float) -> float:
        between = step * share * (step * other.count) * step * (share - rest)
        return (
            self.cubes
            + other.cubes
            + between
            + 3 * step * (share * other.deviations - rest * self.deviations)
        )

    def _pooled_fourths(self, other: Self, step: float, share: float, rest: float) -> float:
        spread = share * share - share * rest + rest * rest
        between = step * share * (step * other.count) * (step * step) * spread
        squares = share * share * other.deviations + rest * rest * self.deviations
        return (
            self.fourths
            + other.fourths
            + between
            + 6 * step * step * squares
            + 4 * step * (share * other.cubes - rest * self.cubes)
        )


def _not_negative(power: float) -> float:
    """Mends what rounding took below zero, and what overflowed on both sides."""
    return math.inf if math.isnan(power) else max(0.0, power)


def _ratio(power: float, deviations: float, count: int, order: int) -> float:
    """Returns the standardised moment of an order from sums of powers of deviations."""
    if not count or not deviations:
        return math.nan
    std = math.sqrt(deviations / count) or math.nan
    for _ in range(order):  # one at a time: the power of a tiny std would underflow
        power /= std
    return power / count if math.isfinite(power) else math.nan


@dataclass(frozen=True, slots=True)
class ComplexMoments:
    """Moments of the real and imaginary parts; the variance is E|z − E z|²."""

    real: Moments = Moments()
    imaginary: Moments = Moments()

    @property
    def count(self) -> int:
        """The number of complex values."""
        return self.real.count

    @property
    def mean(self) -> complex:
        """The complex mean."""
        return complex(self.real.mean, self.imaginary.mean)

    @property
    def variance(self) -> float:
        """The mean squared distance from the mean; NaN without values."""
        return self.real.variance + self.imaginary.variance

    @property
    def skewness(self) -> float:
        """NaN: complex values have no sign to lean to."""
        return math.nan

    @property
    def kurtosis(self) -> float:
        """NaN: there are several, and none that laws here are held against."""
        return math.nan

    @property
    def energy(self) -> float:
        """Σ|z|²."""
        return self.real.energy + self.imaginary.energy

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values."""
        return type(self)(self.real + other.real, self.imaginary + other.imaginary)


AnyMoments = Moments | ExactMoments | ComplexMoments


def pool(one: AnyMoments, other: AnyMoments) -> AnyMoments:
    """Pools moments of one kind, as those of one dtype are.

    Raises:
        TypeError: They are of two kinds.
    """
    if isinstance(one, Moments) and isinstance(other, Moments):
        return one + other
    if isinstance(one, ExactMoments) and isinstance(other, ExactMoments):
        return one + other
    if isinstance(one, ComplexMoments) and isinstance(other, ComplexMoments):
        return one + other
    message = f"cannot pool {type(one).__name__} with {type(other).__name__}"
    raise TypeError(message)
