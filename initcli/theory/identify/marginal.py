"""Holds the values of a tensor, whatever their places, against a law.

Six tests whose p-values are to be used far out, as a family-wise error over thousands of tensors
asks for. How far they were seen to hold, tests/studies/identify.md tells:

- the mean and the second moment, as `initcli.theory.judge` scores them;
- Kolmogorov's distance between the shares below each edge of the cells and the law's. On edges
  alone it is no larger than on the line, for rounded values too. Its p-value is that of
  Kolmogorov's limit law, which far out is Massart's bound for every n, 2·exp(−2nD²), to all digits
  (Annals of Probability 18, 1990);
- minimum and maximum, of n values F(x)ⁿ, between the bounds of what is rounded to them, and give
  or take what the least step of a generator holds;
- the likelihood against the mean of those of all candidates: under a law f the mean of g/f is at
  most 1 whatever g, so that f/g is below t with probability at most t (Markov; Wasserman, Ramdas &
  Balakrishnan, "Universal inference", PNAS 117, 2020).

The six are joined by Bonferroni's bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.schemes.structure import ZeroRun
from initcli.statistics.summary import Summary
from initcli.theory.identify.cells import Cells
from initcli.theory.judge import judge
from initcli.theory.support import stored_support

_FLOAT16_BITS = 16
# What is rounded to a value lies within half a spacing of it.
_HALF = 0.5
# Uniform numbers are made of 23 bits or more, so that an end of a support which values reach is
# drawn itself, and not with probability 0 as a continuous law has it.
_GRAIN = 2.0**-23
_REACHED = 8.0
_SLACK = 4 * 2.0**-24


@dataclass(frozen=True, slots=True)
class Values:
    """What is known of a tensor's values but their places.

    Attributes:
        dtype: A drawable dtype.
        summary: Of the values; at least one, all finite.
        cells: The same values, counted.
        zero_rows: How many rows of nothing but zeros are among them, which no law is asked for.
        row: How many values a row holds.
    """

    dtype: DType
    summary: Summary
    cells: Cells
    zero_rows: int = 0
    row: int = 0

    def with_zeros(self, law: Law) -> Law:
        """Returns the law of values that are drawn by a law of mean 0, but for the zero rows."""
        zeros = self.zero_rows * self.row
        if not zeros or law.mean:
            return law
        return laws.with_zeros(law, zeros / self.summary.finite, ZeroRun(0, zeros))


@dataclass(frozen=True, slots=True)
class Held:
    """A law that values were held against.

    Attributes:
        law: The law as drawn.
        tests: p-values by the name of the test.
        log_likelihood: Of the counts in cells.
    """

    law: Law
    tests: Mapping[str, float]
    log_likelihood: float

    @property
    def p(self) -> float:
        """The joint p-value of all tests."""
        return min(1.0, len(self.tests) * min(self.tests.values()))

    @property
    def against(self) -> str:
        """The test that speaks most against the law."""
        return min(self.tests, key=self.tests.__getitem__)


def hold(values: Values, candidates: Sequence[Law], among: int) -> list[Held]:
    """Holds values against each of several continuous laws.

    Args:
        values: Of a tensor.
        candidates: Those that are worth it.
        among: How many there were before values were looked at. The likelihoods of the others
            are as good as nothing, but count in the mean.
    """
    stored = [values.with_zeros(law) for law in candidates]
    likelihoods = [log_likelihood(values.cells, law) for law in stored]
    mixed = _log_sum(likelihoods) - math.log(among)
    return [
        Held(law, {**_tests(values, law), "likelihood": _ratio(own, mixed)}, own)
        for law, own in zip(stored, likelihoods, strict=True)
    ]


def log_likelihood(cells: Cells, law: Law) -> float:
    """Returns Σ count·ln P(cell) under a law; −∞ where a cell holds what the law cannot draw."""
    mass = _masses(cells, law)
    held = cells.counts > 0
    if (mass[held] <= 0).any():
        return -math.inf
    return float(cells.counts[held] @ np.log(mass[held]))


def _masses(cells: Cells, law: Law) -> NDArray[np.float64]:
    """Returns P(cell) of each, a grain at least of those that hold an end which values reach."""
    mass = np.diff(_cdf(law, cells.edges))
    for end in law.support:
        if _is_reached(end, law):
            slack = _SLACK * abs(end)
            at_end = (cells.edges[:-1] <= end + slack) & (cells.edges[1:] >= end - slack)
            mass[at_end] = np.maximum(mass[at_end], _GRAIN)
    return mass


def _is_reached(end: float, law: Law) -> bool:
    """Whether values come near an end of the support."""
    return abs(end - law.mean) < _REACHED * law.std


def kolmogorov_p(cells: Cells, law: Law) -> float:
    """Returns P(√n·D ≥ measured) by Kolmogorov's limit law."""
    from scipy.special import kolmogorov

    count = cells.total
    shares = np.concatenate([[0], np.cumsum(cells.counts)]) / count
    distance = float(np.abs(shares - _cdf(law, cells.edges)).max())
    return float(kolmogorov(math.sqrt(count) * distance))


def _tests(values: Values, law: Law) -> dict[str, float]:
    judgment = judge(law, values.dtype, values.summary)
    low, high = _extremes(values, law)
    return {
        "mean": judgment.mean.p,
        "variance": judgment.variance.p,
        "distribution": kolmogorov_p(values.cells, law),
        "minimum": low,
        "maximum": high,
    }


def _ratio(own: float, mixed: float) -> float:
    """Returns the likelihood over the mean of all; 0 where no law can have drawn the values."""
    return 0.0 if own == -math.inf else min(1.0, math.exp(own - mixed))


def _log_sum(logarithms: Sequence[float]) -> float:
    most = max(logarithms, default=-math.inf)
    if most == -math.inf:
        return most
    return most + math.log(math.fsum(math.exp(each - most) for each in logarithms))


def _cdf(law: Law, at: NDArray[Any]) -> NDArray[Any]:
    if law.cdf is None:
        raise ValueError("a law without a cdf has no mass to share out")
    return law.cdf(at)


def _extremes(values: Values, law: Law) -> tuple[float, float]:
    """Returns the p-values of the minimum and of the maximum."""
    count, summary = values.summary.finite, values.summary
    least, greatest = float(summary.minimum or 0), float(summary.maximum or 0)
    bottom, top = stored_support(law, values.dtype)
    above = [_survival(law, at) for at in _beyond(values.dtype, greatest)]
    below = [float(_cdf(law, np.array([-at]))[0]) for at in _beyond(values.dtype, -least)]
    grains = [_GRAIN if _is_reached(end, law) else 0.0 for end in law.support]
    # Beyond the ends of what is stored there is nothing, and one value there says so.
    low = _of_extreme(below, count, grains[0]) if least >= bottom else 0.0
    high = _of_extreme(above, count, grains[1]) if greatest <= top else 0.0
    return low, high


def _beyond(dtype: DType, value: float) -> tuple[float, float]:
    """Returns the least and the greatest of what is rounded to a value."""
    if dtype.bits > _FLOAT16_BITS:
        return value, value
    half = _HALF * dtype.epsilon * max(abs(value), dtype.smallest_normal)
    return value - half, value + half


def _survival(law: Law, at: float) -> float:
    """Returns P(x > at), with digits to spare where tails have no end; such laws are symmetric."""
    if math.isfinite(law.support[1]):
        return 1 - float(_cdf(law, np.array([at]))[0])
    return float(_cdf(law, np.array([2 * law.mean - at]))[0])


def _of_extreme(tails: Sequence[float], count: int, grain: float) -> float:
    """Returns twice the smaller tail of the extreme of n values.

    Args:
        tails: The probability that one value lies beyond the nearer, and the further bound of what
            is rounded to the extreme.
        count: n.
        grain: The probability that one value is the end of the support itself.
    """
    nearer, further = tails[0] + grain, max(0.0, tails[1] - _GRAIN)
    so_far = -math.expm1(count * math.log1p(-min(nearer, 1 - 1e-16)))
    so_near = math.exp(count * math.log1p(-min(further, 1 - 1e-16)))
    return min(1.0, 2 * min(so_far, so_near))
