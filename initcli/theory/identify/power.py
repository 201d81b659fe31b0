"""How many values it takes to tell two standard deviations apart.

The second moment of n values has standard error σ²√((κ − 1)/n), so that a test of level α finds a
ratio r of standard deviations with probability β once

    n ≥ ((z_α + z_β) / (2 ln r))²·(κ − 1).
"""

from __future__ import annotations

import math
from statistics import NormalDist

# With less, not even a scale twice too large is found, and every verdict would be idle.
RATIO = 2.0
_POWER = 0.99
_NORMAL_KURTOSIS = 3.0
# Each tensor is asked twice: of its marginal, by six tests, and of its places.
_QUESTIONS = 2
_TESTS = 6


def level_of(alpha: float, tensors: int) -> float:
    """Returns the level of each of a tensor's two questions.

    Args:
        alpha: The family-wise error over all tensors.
        tensors: How many there are.
    """
    return alpha / max(1, tensors) / _QUESTIONS


def needed(level: float, ratio: float = RATIO, kurtosis: float = _NORMAL_KURTOSIS) -> int:
    """Returns how many values refuse a law whose standard deviation is off by a ratio.

    Args:
        level: Of the question; the second moment is one of six tests that share it.
        ratio: More than 1.
        kurtosis: Of the law.

    >>> needed(1e-3, 2.0), needed(1e-3, 1.02)
    (39, 47308)
    """
    normal = NormalDist()
    reach = -normal.inv_cdf(level / _TESTS / 2) + normal.inv_cdf(_POWER)
    return math.ceil((reach / (2 * math.log(ratio))) ** 2 * (kurtosis - 1))
