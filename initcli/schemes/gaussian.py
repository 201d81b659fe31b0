"""The standard normal law between two bounds, with digits to spare in its tails.

NumPy and SciPy are imported where they compute, as in `law.py`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# Beyond eight standard deviations lies less than 2**-49 of the law's mass.
REACH = 8.0
_NODES = 200


def cdf(x: Array) -> Array:
    """Returns P(z ≤ x)."""
    import numpy as np
    from scipy.special import ndtr

    return np.asarray(ndtr(x))


def log_tails(low: float, high: float) -> tuple[float, float, float]:
    """Returns ln P of what lies beyond either bound, on the side where both are small.

    Returns:
        1 if that side is below the mean, else −1, and the smaller and the larger of ln P(z ≤ bound)
        there.
    """
    from scipy.special import log_ndtr

    side = 1.0 if low + high <= 0 else -1.0
    below, above = sorted((float(log_ndtr(side * low)), float(log_ndtr(side * high))))
    return side, below, above


def log_mass(low: float, high: float) -> float:
    """Returns ln P(low ≤ z ≤ high)."""
    import numpy as np

    _, below, above = log_tails(low, high)
    return above + float(np.log1p(-np.exp(below - above))) if below < above else -np.inf


def truncated(low: float, high: float) -> tuple[Array, Array]:
    """Returns quadrature nodes and normalised weights of the law given low ≤ z ≤ high."""
    import numpy as np

    mode = min(max(0.0, low), high)
    # Far out in a tail the density falls like exp(−|mode|·x), which sets the width there.
    reach = 40 / max(abs(mode), 40 / 12)
    left, right = max(low, mode - reach), min(high, mode + reach)
    node, weight = _quadrature()
    node = left + (right - left) * (node + 1) / 2
    density = weight * np.exp((mode**2 - node**2) / 2)
    return node, density / density.sum()


@functools.cache
def _quadrature() -> tuple[Array, Array]:
    import numpy as np

    # An eigenvalue problem, solved once rather than for every tensor.
    return np.polynomial.legendre.leggauss(_NODES)
