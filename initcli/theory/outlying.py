"""Which rows or columns of a matrix stand out from their peers."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.statistics.lines import Lines

ALPHA = 1e-3
_FEWEST = 16
_SHORTEST = 32
_PRACTICAL = 2.0
_NAMED = 5
# The median absolute deviation of a standard normal variable is 1/1.4826.
_MAD_TO_STD = 1.4826
# Of few lines the spread itself is uncertain: calibrated by simulation, 16 to 4,096 lines.
_SMALL_SAMPLE = 16.0


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What was found of the rows, or the columns, of one tensor.

    Attributes:
        count: How many there are.
        zero: How many hold nothing but zeros.
        constant: How many hold one value only, not zero.
        hurt: How many hold a NaN or an infinity.
        outlying: How many others have an energy far from their peers'.
        worst: The index of the worst and why, as text; None if none stands out.
        dead: The indices of the first that are all zero.
    """

    count: int
    zero: int
    constant: int
    hurt: int
    outlying: int
    worst: str | None
    dead: tuple[int, ...]


def judge_lines(lines: Lines, length: int) -> LineVerdict:
    """Counts the lines that are zero, constant, not finite or outlying, and names the worst.

    Args:
        lines: All rows, or all columns, of a tensor.
        length: The number of values in each.

    The cube root of a line's energy is close to normal (Wilson & Hilferty, Proceedings of the
    National Academy of Sciences 17, 1931). A line is outlying if its root lies further from the
    median, in robust standard deviations, than the farthest of as many normal variables does
    with probability `ALPHA`, and its norm is more than twice, or less than half, that of the
    median line. Fewer than 16 lines, and lines of fewer than 32 values, are not judged.
    """
    is_hurt = lines.hurt > 0
    is_flat = (lines.low == lines.high) & ~is_hurt
    is_zero = is_flat & (lines.low == 0)
    scores = np.zeros(lines.energy.size)
    if length >= _SHORTEST:
        scores = _scores(lines.energy, ~is_hurt & ~is_zero)
    return LineVerdict(
        lines.energy.size,
        int(is_zero.sum()),
        int((is_flat & ~is_zero).sum()),
        int(is_hurt.sum()),
        int((np.abs(scores) > 1).sum()),
        _worst(lines, is_zero, scores),
        tuple(np.flatnonzero(is_zero)[:_NAMED].tolist()),
    )


def _scores(energy: NDArray[Any], is_judged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Returns each judged line's distance from its peers as a share of what is allowed."""
    scores = np.zeros(energy.size)
    count = int(is_judged.sum())
    if count < _FEWEST:
        return scores
    roots = np.cbrt(energy[is_judged])
    median = float(np.median(roots))
    if not np.isfinite(median):
        return scores
    off = roots - median
    spread = _MAD_TO_STD * float(np.median(np.abs(off)))
    allowed = -NormalDist().inv_cdf(ALPHA / (2 * count)) * (1 + _SMALL_SAMPLE / count) * spread
    high = max(allowed, median * (_PRACTICAL ** (2 / 3) - 1))
    low = max(allowed, median * (1 - _PRACTICAL ** (-2 / 3)))
    if np.isfinite(high) and min(low, high) > 0:
        scores[is_judged] = np.where(off > 0, off / high, off / low)
    return scores


def _worst(lines: Lines, is_zero: NDArray[np.bool_], scores: NDArray[np.float64]) -> str | None:
    if lines.hurt.any():
        index = int(lines.hurt.argmax())
        return f"{lines.start + index}: {int(lines.hurt[index]):,} not finite"
    if is_zero.any():
        return f"{lines.start + int(is_zero.argmax())}: all zero"
    index = int(np.abs(scores).argmax())
    if abs(scores[index]) <= 1:
        return None
    times = float(np.sqrt(lines.energy[index] / np.median(lines.energy)))
    return f"{lines.start + index}: norm {times:.3g}× the median"
