"""What is kept of two tensors' differences, chunk by chunk, and merges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from initcli.statistics.moments import AnyMoments, pool


@dataclass(frozen=True, slots=True)
class Distance:
    """Sums over pairs of values; the distances are derived.

    Attributes:
        compared: Pairs of which both values are finite.
        unequal: Pairs of different value; NaN differs from everything, unless it is to equal NaN.
        beyond: Pairs further apart than the tolerance, NaN and unequal infinities included.
        incomparable: Unequal pairs of which a value is NaN or infinite: they have no distance.
        sign_flips: Pairs of real numbers of opposite sign, neither zero: of negative product.
        unequal_as_a: Pairs that differ once B is cast to A's dtype; NaNs agree here.
        unequal_as_b: Pairs that differ once A is cast to B's dtype; NaNs agree here.
        largest: The largest |a − b|.
        absolute: Σ|a − b|.
        squared: Σ|a − b|².
        squares_a: Σ|a|².
        squares_b: Σ|b|².
        product: Σ a·b (the real part of a·conj(b)).
    """

    compared: int = 0
    unequal: int = 0
    beyond: int = 0
    incomparable: int = 0
    sign_flips: int = 0
    unequal_as_a: int = 0
    unequal_as_b: int = 0
    largest: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    squares_a: float = 0.0
    squares_b: float = 0.0
    product: float = 0.0

    @property
    def mean_absolute(self) -> float:
        """The mean |a − b| of the finite pairs; NaN without one."""
        return self.absolute / self.compared if self.compared else math.nan

    @property
    def relative(self) -> float:
        """‖a − b‖ / ‖a‖ over the finite pairs; infinite when only a vanishes."""
        if not self.squared:
            return 0.0 if self.compared else math.nan
        return math.sqrt(self.squared / self.squares_a) if self.squares_a else math.inf

    @property
    def cosine(self) -> float:
        """a·b / (‖a‖‖b‖) over the finite pairs; NaN when either vanishes."""
        norms = math.sqrt(self.squares_a) * math.sqrt(self.squares_b)
        cosine = self.product / norms if norms else math.nan
        # Written so that NaN, of squares that overflow, stays NaN.
        return math.copysign(1.0, cosine) if abs(cosine) > 1 else cosine

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""
        return type(self)(
            self.compared + other.compared,
            self.unequal + other.unequal,
            self.beyond + other.beyond,
            self.incomparable + other.incomparable,
            self.sign_flips + other.sign_flips,
            self.unequal_as_a + other.unequal_as_a,
            self.unequal_as_b + other.unequal_as_b,
            max(self.largest, other.largest),
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.squares_a + other.squares_a,
            self.squares_b + other.squares_b,
            self.product + other.product,
        )


@dataclass(frozen=True, slots=True)
class PairSummary:
    """Both tensors' moments and their distance; `same_bytes` where no byte differs."""

    a: AnyMoments
    b: AnyMoments
    distance: Distance = Distance()
    same_bytes: bool = True

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of pairs."""
        return type(self)(
            pool(self.a, other.a),
            pool(self.b, other.b),
            self.distance + other.distance,
            self.same_bytes and other.same_bytes,
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Equality as in `torch.testing.assert_close`: |a − b| ≤ absolute + relative·|b|.

    Attributes:
        relative, absolute: What two finite values may be apart.
        equal_nan: Whether NaN equals NaN, whatever its bits.
    """

    relative: float
    absolute: float
    equal_nan: bool = False
