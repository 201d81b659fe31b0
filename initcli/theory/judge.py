"""Holds measured moments against a law, each with its exact sampling error.

Mean: z = (x̄ − μ)/(σ/√n). Second moment about the law's mean: S = Σ(x − μ)²/n has mean σ² and
variance σ⁴(κ − 1)/n; its tails follow Pearson's type III with the skewness of (x − μ)², which
is χ² exactly for normal draws. What a scheme fixes is not sampled: there only rounding counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from initcli.core.dtypes import DType
from initcli.schemes.law import Fixed, Law
from initcli.statistics.summary import Summary
from initcli.theory.tails import normal_tails

# A kurtosis of 1 means two values only, at equal distance from the mean: no energy is random.
_TWO_VALUES = 1e-9
# Below this skewness χ² has more than 10¹² degrees of freedom and is normal to all digits.
_SYMMETRIC = 1e-6


@dataclass(frozen=True, slots=True)
class Score:
    """How far a statistic is from its law.

    Attributes:
        z: Distance in standard errors; 0 or ±infinity for a statistic that is not random.
        p: Probability of a distance at least as large if the law holds.
        size: Distance as a share of what the law has: of its standard deviation for the mean, of
            its variance for the second moment; infinite where that is 0 and the distance is not.
    """

    z: float
    p: float
    size: float


@dataclass(frozen=True, slots=True)
class Judgment:
    """A tensor's measured moments beside its law.

    Attributes:
        law: The law as drawn, before rounding.
        stored: The law after rounding to the tensor's dtype.
        ratio: Measured variance over the law's; None where the law's is 0.
        mean: The score of the mean.
        variance: The score of the second moment about the law's mean.
    """

    law: Law
    stored: Law
    ratio: float | None
    mean: Score
    variance: Score


def cannot_judge(law: Law, summary: Summary) -> str:
    """Returns why a summary cannot be held against a law; empty if it can."""
    from initcli.theory.rounding import below_resolution  # it brings NumPy

    if not summary.finite:
        return "it holds no finite value"
    return "its spread is below the resolution of float32" if below_resolution(law) else ""


def judge(law: Law, dtype: DType, summary: Summary) -> Judgment:
    """Scores a summary of at least one finite value against the law it was drawn by."""
    from initcli.theory.rounding import rounding_tolerance, stored_law  # they bring NumPy

    stored = stored_law(law, dtype)
    tolerance = rounding_tolerance(stored, dtype, summary.finite)
    mean = float(summary.mean.real)
    off = mean - stored.mean
    second = summary.variance + off * off  # a power would raise where a product is infinite
    ratio = summary.variance / law.variance if law.variance else None
    return Judgment(
        law,
        stored,
        ratio,
        _mean_score(stored, mean, summary.finite, tolerance),
        _variance_score(stored, second, summary.finite, tolerance),
    )


def _mean_score(law: Law, mean: float, count: int, tolerance: float) -> Score:
    off = mean - law.mean
    size = _share(off, law.std)
    if law.fixed is Fixed.EVERYTHING:
        return _fixed_score(off, tolerance * max(abs(law.mean), law.std), size)
    z = off / (law.std / math.sqrt(count))
    random, kurtosis = _of_random_values(law, count)[:2]
    tails = max(normal_tails(z), _pearson_tails(z, law.skewness / math.sqrt(count)))
    return Score(z, min(1.0, tails + _rare_tails(z, (kurtosis - 3) / random)), size)


def _variance_score(law: Law, second: float, count: int, tolerance: float) -> Score:
    off = second - law.variance
    size = _share(off, law.variance)
    if law.fixed is not Fixed.NOTHING:
        scale = max(law.variance, (tolerance * law.mean) ** 2)
        return _fixed_score(off, tolerance * scale if law.variance else scale, size)
    random, kurtosis, sixth = _of_random_values(law, count)
    if kurtosis - 1 < _TWO_VALUES:
        return _fixed_score(off, _TWO_VALUES * law.variance, size)
    z = off / law.variance * math.sqrt(random / (kurtosis - 1))
    skewness = (sixth - 3 * kurtosis + 2) / (kurtosis - 1) ** 1.5 / math.sqrt(random)
    tails = _pearson_tails(z, skewness)
    if z < 0:  # a second moment is never negative, and Pearson's support may end above zero
        tails = max(tails, _scaled_tail(second / law.variance, 2 * random / (kurtosis - 1)))
    return Score(z, tails, size)


def _of_random_values(law: Law, count: int) -> tuple[float, float, float]:
    """Returns the number, kurtosis and sixth moment of the values that are random."""
    share = law.random_share
    return count * share, law.kurtosis * share, law.sixth * share**2


def _share(off: float, scale: float) -> float:
    if not off:
        return 0.0
    return abs(off) / scale if scale else math.inf


def _fixed_score(off: float, tolerance: float, size: float) -> Score:
    if abs(off) <= tolerance:
        return Score(0.0, 1.0, size)
    return Score(math.copysign(math.inf, off), 0.0, size)


def _rare_tails(z: float, excess: float) -> float:
    """Bounds what rare large values add to normal tails, by Markov's inequality on z⁴.

    Where nearly all values underflow, one that does not moves the mean by many standard errors.
    """
    return max(0.0, excess) / min(max(abs(z), 1e-3), 1e60) ** 4


def _pearson_tails(z: float, skewness: float) -> float:
    """Two-sided tail of Pearson's type III: (χ²ₖ − k)/√2k with k = 8/skewness²."""
    from scipy.special import chdtr, chdtrc

    if abs(skewness) < _SYMMETRIC:
        return normal_tails(z)
    z = math.copysign(z, z * skewness)
    degrees = 8 / skewness**2
    square = max(0.0, degrees + z * math.sqrt(2 * degrees))
    tail = chdtrc(degrees, square) if z > 0 else chdtr(degrees, square)
    return min(1.0, 2 * float(tail))


def _scaled_tail(ratio: float, degrees: float) -> float:
    """Twice the lower tail of χ²/degrees, whose support begins at zero."""
    from scipy.special import chdtr

    return min(1.0, 2 * float(chdtr(degrees, degrees * ratio)))
