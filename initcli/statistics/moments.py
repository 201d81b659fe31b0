"""First and second moments that merge: floating, exact for integers, and complex.

Variances are those of the values themselves (divided by n, as NumPy's default), not estimates
of a population's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Self


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and squared deviations from the mean, in float64.

    Merging follows Chan, Golub & LeVeque, "Algorithms for computing the sample variance"
    (The American Statistician 37, 1983).
    """

    count: int = 0
    mean: float = math.nan
    deviations: float = 0.0

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean; NaN without values."""
        return self.deviations / self.count if self.count else math.nan

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        if math.isinf(step):
            mean = self.mean * (self.count / count) + other.mean * (other.count / count)
        # Associated so that large steps overflow only where the result does.
        between = step * (self.count / count) * (step * other.count)
        return type(self)(count, mean, self.deviations + other.deviations + between)


@dataclass(frozen=True, slots=True)
class ExactMoments:
    """Count, sum and sum of squares of integers, exact however large they are."""

    count: int = 0
    total: int = 0
    squares: int = 0

    @property
    def mean(self) -> float:
        """The mean, rounded once."""
        return float(Fraction(self.total, self.count)) if self.count else math.nan

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean, rounded once; NaN without values."""
        if not self.count:
            return math.nan
        return float(Fraction(self.squares * self.count - self.total**2, self.count**2))

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values."""
        return type(self)(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )


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
