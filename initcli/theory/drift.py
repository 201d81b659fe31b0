"""Holds statistics of a tensor against those it had before, each by its own sampling error.

The question is whether two sets of values may be draws of one law, whatever that law is; so every
error is estimated from the statistics themselves, on the safe side where they do not tell it:

- mean: Welch's t, (x̄ − ȳ)/√(s²/n + r²/m);
- variance: Fisher's F with 2(n − 1)/(κ − 1) degrees of freedom, n − 1 for normal values;
- skewness γ and kurtosis κ: the variance of their influence functions, x³ − 3x − ¾γ(x² − 1)·2 − γ
  and x⁴ − 2κ(x² − 1) − 4γx − κ, with moments beyond the fourth bounded by M² each, M being the
  greatest distance from the mean in standard deviations;
- zeros: given how many there are in all, those on one side are binomial;
- quantiles: the least distance D between the distribution functions that they allow for, with the
  tail of Massart, 2 exp(−2D²nm/(n + m)), which holds for every law.

What has no spread is no draw: constants differ or they do not.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from initcli.theory.tails import binomial_tails, fisher_tails, normal_tails, student_tails

# Of heavy tails few values show too small a kurtosis: it is taken (1 + c/√n) times as large,
# and as that of the normal law at least. Fewer than these tell no variance.
_KURTOSIS_DOUBT = 8.0
_NORMAL_KURTOSIS = 3.0
FEWEST = 8
# A value that is one in so many of all squared deviations says that tails decide the variance.
_HEAVIEST = 8.0
# Quantiles of wide floats lie within 2⁻⁷ of the value that is meant.
_GRAIN = 2.0**-6


@dataclass(frozen=True, slots=True)
class Standing:
    """What a report says of a tensor's values; None where it does not.

    Attributes:
        count: How many there are.
        nonfinite: How many of them are NaN or infinite.
        zeros: How many are zero.
        mean: Of the finite ones, as all that follows.
        variance: Dividing by their number.
        skewness: The third standardised moment.
        kurtosis: The fourth.
        least: The minimum.
        greatest: The maximum.
        quantiles: By probability.
    """

    count: int
    nonfinite: int = 0
    zeros: int | None = None
    mean: float | None = None
    variance: float | None = None
    skewness: float | None = None
    kurtosis: float | None = None
    least: float | None = None
    greatest: float | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)

    @property
    def finite(self) -> int:
        """How many values are finite."""
        return self.count - self.nonfinite

    @property
    def unbiased(self) -> float:
        """The variance, dividing by one less."""
        return (self.variance or 0.0) * self.finite / max(self.finite - 1, 1)

    @property
    def reach(self) -> float:
        """The greatest distance from the mean in standard deviations; NaN if it is not known."""
        if self.mean is None or not self.variance or self.least is None or self.greatest is None:
            return math.nan
        return max(self.mean - self.least, self.greatest - self.mean) / math.sqrt(self.variance)

    @property
    def tells_variance(self) -> bool:
        """Whether no few values make up most of the variance, and its error can be told."""
        return not math.isnan(self.degrees) and self.reach**2 * _HEAVIEST <= self.finite

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the χ² that the variance is like; NaN if they are not known."""
        if self.kurtosis is None:
            return math.nan
        doubt = _KURTOSIS_DOUBT / math.sqrt(self.finite)
        kurtosis = self.kurtosis + doubt * max(self.kurtosis, _NORMAL_KURTOSIS)
        return 2 * (self.finite - 1) / (kurtosis - 1)


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a statistic moved.

    Attributes:
        statistic: Its name.
        before: What it was.
        after: What it is.
        p: The probability of a distance at least as large between two draws of one law.
    """

    statistic: str
    before: float
    after: float
    p: float

    @property
    def text(self) -> str:
        """What moved, from where to where, and how likely that is by chance."""
        told = f"{self.statistic} {self.before:.4g} → {self.after:.4g}"
        return f"{told} (p = {self.p:.1g})" if self.p else told


def shifts(before: Standing, after: Standing) -> list[Shift]:
    """Returns how far every statistic moved that both sides know of and that has an error."""
    found = [_exact("nan and inf", before.nonfinite, after.nonfinite)]
    if before.finite <= 0 or after.finite <= 0:
        return found
    tests = (_mean, _variance, _skewness, _kurtosis, _zeros, _quantiles)
    return found + [shift for test in tests for shift in test(before, after)]


def _exact(statistic: str, before: float, after: float) -> Shift:
    return Shift(statistic, before, after, float(before == after))


def _mean(before: Standing, after: Standing) -> Iterator[Shift]:
    if None in {before.mean, after.mean, before.variance, after.variance}:
        return
    old, new = before.mean or 0.0, after.mean or 0.0
    one, other = before.unbiased / before.finite, after.unbiased / after.finite
    error = one + other
    if not error and min(before.finite, after.finite) > 1:
        yield _exact("mean", old, new)
    if not error or min(before.finite, after.finite) < FEWEST:
        return
    parts = [(one / error, before.finite), (other / error, after.finite)]
    degrees = 1 / sum(part**2 / max(n - 1, 1) for part, n in parts)
    yield Shift("mean", old, new, student_tails((new - old) / math.sqrt(error), degrees))


def _variance(before: Standing, after: Standing) -> Iterator[Shift]:
    if before.variance is None or after.variance is None:
        return
    if min(before.finite, after.finite) < FEWEST:
        return
    if not before.variance or not after.variance:
        tails = float(before.variance == after.variance) or _constant_by_chance(before, after)
        yield Shift("variance", before.variance, after.variance, tails)
    elif before.tells_variance and after.tells_variance:
        ratio = after.unbiased / before.unbiased
        tails = fisher_tails(ratio, after.degrees, before.degrees)
        yield Shift("variance", before.variance, after.variance, tails)


def _constant_by_chance(before: Standing, after: Standing) -> float:
    """Returns how likely it is that all values of the constant side are the commonest of the other.

    Its share is known of zeros only; it is taken to be one half at least.
    """
    constant, other = (after, before) if before.variance else (before, after)
    return max(0.5, (other.zeros or 0) / other.finite) ** constant.finite


def _skewness(before: Standing, after: Standing) -> Iterator[Shift]:
    def spread(side: Standing) -> float:
        skewness, kurtosis = side.skewness or 0.0, side.kurtosis or 0.0
        return side.reach**2 * kurtosis + 9 + 2.25 * skewness**2 * kurtosis

    if before.skewness is not None and after.skewness is not None:
        error = _error(spread, before, after)
        yield from _standardised("skewness", before.skewness, after.skewness, error)


def _kurtosis(before: Standing, after: Standing) -> Iterator[Shift]:
    def spread(side: Standing) -> float:
        skewness, kurtosis = side.skewness or 0.0, side.kurtosis or 0.0
        return side.reach**4 * kurtosis + 4 * kurtosis**3 + 16 * skewness**2

    if before.kurtosis is not None and after.kurtosis is not None:
        error = _error(spread, before, after)
        yield from _standardised("kurtosis", before.kurtosis, after.kurtosis, error)


def _error(spread: Callable[[Standing], float], before: Standing, after: Standing) -> float:
    return math.sqrt(sum(spread(side) / side.finite for side in (before, after)))


def _standardised(statistic: str, before: float, after: float, error: float) -> Iterator[Shift]:
    if error > 0:  # which NaN, of an unknown reach, is not
        yield Shift(statistic, before, after, normal_tails((after - before) / error))


def _zeros(before: Standing, after: Standing) -> Iterator[Shift]:
    if before.zeros is None or after.zeros is None:
        return
    share = after.finite / (before.finite + after.finite)
    tails = binomial_tails(after.zeros, before.zeros + after.zeros, share)
    yield Shift("zeros", before.zeros, after.zeros, tails)


def _quantiles(before: Standing, after: Standing) -> Iterator[Shift]:
    """Yields the quantile by which the two distribution functions are surely the furthest apart."""
    common = sorted(before.quantiles.keys() & after.quantiles.keys())
    if not common:
        return
    olds, news = ([side.quantiles[p] for p in common] for side in (before, after))
    gaps = [*_gaps(common, olds, news), *_gaps(common, news, olds)]
    gap, place = max(gaps, key=lambda each: each[0])
    harmonic = before.finite * after.finite / (before.finite + after.finite)
    tails = min(1.0, 2 * math.exp(-2 * gap**2 * harmonic))
    yield Shift(f"p{round(100 * common[place]):02}", olds[place], news[place], tails)


def _gaps(
    levels: list[float], ones: list[float], others: list[float]
) -> Iterable[tuple[float, int]]:
    """Yields, for each of one side's quantiles, how far the other's distribution surely is off.

    Between two of its quantiles a distribution function is between their levels.
    """
    for place, (level, value) in enumerate(zip(levels, ones, strict=True)):
        margin = _GRAIN * abs(value)
        reached = bisect_left(others, value - margin)
        ahead = bisect_right(others, value + margin)
        lowest = levels[reached - 1] if reached else 0.0
        highest = levels[ahead] if ahead < len(levels) else 1.0
        yield max(0.0, lowest - level, level - highest), place
