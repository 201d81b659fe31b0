"""What is kept of a tensor's values once a chunk has been read and forgotten.

Laws, tested in tests/laws: `a + b` is commutative and associative (moments within 1e-12
relative, everything else exactly), an empty summary is its identity, and the result does not
depend on how the values were cut into chunks.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from initcli.statistics.moments import AnyMoments, ComplexMoments, pool

Extreme = float | int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts, extrema and moments of values of one dtype.

    Attributes:
        moments: Of the finite values.
        count: All values.
        nan: Values that are NaN; for complex values, in either part.
        positive: Values that are +∞.
        negative: Values that are −∞; of complex values, those that are infinite in any way.
        zeros: Values that are zero, of either sign.
        subnormal: Values that are not zero, and nearer to it than the least normal number.
        minimum: The least finite value; None without one, and for complex values.
        maximum: The greatest finite value, likewise.
        at_largest: Values of the largest finite size that their dtype, a float, has; None where
            values are too wide to be counted one by one, and extrema tell whether there are any.
    """

    moments: AnyMoments
    count: int = 0
    nan: int = 0
    positive: int = 0
    negative: int = 0
    zeros: int = 0
    subnormal: int = 0
    minimum: Extreme = None
    maximum: Extreme = None
    at_largest: int | None = None

    @property
    def infinite(self) -> int:
        """Values that are infinite and not NaN."""
        return self.positive + self.negative

    @property
    def finite(self) -> int:
        """Values that are neither NaN nor infinite."""
        return self.count - self.nan - self.infinite

    @property
    def mean(self) -> float | complex:
        """The mean of the finite values; NaN without one."""
        return self.moments.mean

    @property
    def variance(self) -> float:
        """The mean squared deviation of the finite values; NaN without one."""
        return self.moments.variance

    @property
    def std(self) -> float:
        """The square root of the variance."""
        return math.sqrt(self.variance)

    @property
    def root_mean_square(self) -> float:
        """The root of the mean square of the finite values; NaN without one."""
        return math.hypot(self.std, abs(self.mean))

    @property
    def is_complex(self) -> bool:
        """Whether the values are complex."""
        return isinstance(self.moments, ComplexMoments)

    @property
    def is_constant(self) -> bool:
        """Whether all values are finite and equal."""
        return self.finite == self.count > 0 and self.minimum == self.maximum is not None

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values of one dtype."""
        return type(self)(
            pool(self.moments, other.moments),
            self.count + other.count,
            self.nan + other.nan,
            self.positive + other.positive,
            self.negative + other.negative,
            self.zeros + other.zeros,
            self.subnormal + other.subnormal,
            _extreme(min, self.minimum, other.minimum),
            _extreme(max, self.maximum, other.maximum),
            _added(self.at_largest, other.at_largest),
        )


def _extreme(choose: Callable[..., float | int], one: Extreme, other: Extreme) -> Extreme:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _added(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
