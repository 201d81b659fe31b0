"""Moments of integers, exact however many and however large they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Self


@dataclass(frozen=True, slots=True)
class ExactMoments:
    """Count and sums of powers of integers, exact however large they are.

    Attributes:
        count: The number of values.
        total: Σx.
        squares: Σx².
        cubes: Σx³; None where it was not summed, as for integers of 32 and 64 bits.
        fourths: Σx⁴, likewise.
    """

    count: int = 0
    total: int = 0
    squares: int = 0
    cubes: int | None = 0
    fourths: int | None = 0

    @property
    def mean(self) -> float:
        """The mean, rounded once."""
        return float(Fraction(self.total, self.count)) if self.count else math.nan

    @property
    def variance(self) -> float:
        """The mean squared deviation from the mean, rounded once; NaN without values."""
        return float(self._variance) if self.count else math.nan

    @property
    def skewness(self) -> float:
        """The third standardised moment; NaN where it was not summed or the variance vanishes."""
        if self.cubes is None or not self.count or not self._variance:
            return math.nan
        mean = Fraction(self.total, self.count)
        central = Fraction(self.cubes, self.count) - 3 * mean * self._variance - mean**3
        return float(central) / math.sqrt(self._variance) ** 3

    @property
    def kurtosis(self) -> float:
        """The fourth standardised moment, likewise."""
        if self.cubes is None or self.fourths is None or not self.count or not self._variance:
            return math.nan
        mean, squares = Fraction(self.total, self.count), Fraction(self.squares, self.count)
        central = (
            Fraction(self.fourths, self.count)
            - 4 * mean * Fraction(self.cubes, self.count)
            + 6 * mean**2 * squares
            - 3 * mean**4
        )
        return float(central / self._variance**2)

    @property
    def energy(self) -> float:
        """Σx², rounded once."""
        return float(self.squares)

    @property
    def _variance(self) -> Fraction:
        return Fraction(self.squares * self.count - self.total**2, self.count**2)

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values."""
        return type(self)(
            self.count + other.count,
            self.total + other.total,
            self.squares + other.squares,
            _sum(self.cubes, other.cubes),
            _sum(self.fourths, other.fourths),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
