"""The law of attention weights that are factors of αZ/√d ± βI, Z of independent N(0, 1).

The law of M = αZ/√d ± βI is that of Q M Qᵀ for any orthogonal Q, so that its singular vectors,
with signs at random, are Haar and independent of its singular values σ. A factor's row √σ·u has
thus values √σ times a coordinate of the unit sphere in d dimensions: mean 0, moments E σ/d,
3 E σ²/(d(d + 2)) and 15 E σ³/(d(d + 2)(d + 4)).

As d grows, the empirical law of σ tends to a fixed one (Dozier & Silverstein 2007, Journal of
Multivariate Analysis 98): with z = σ² the Stieltjes transform m of M Mᵀ solves
m = 1/(β²/(1 + α²m) − (1 + α²m)z), which is, for w = 1 + α²m,

    z w³ − z w² + (α² − β²) w + β² = 0,

and the density of z is Im w/(πα²). At width d the moments of the k largest σ, simulated for
d = 8 … 256, k = d, d/2 and d/8, differ from the limit's by at most 0.27/d of the first and 0.6/d
of the second for k = d/8. The sampling error that independent values would have is 1.4/d and
more of the first, for as many heads as make a square: the limit is off by less than a fifth of it.
True draws scatter half as much or less, as a row's values share its norm: bands are wide by that.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from initcli.schemes.law import Law

if TYPE_CHECKING:
    from initcli.schemes.law import Array
    from initcli.schemes.structure import Orthogonal

# Of the density, of the quantiles that moments are taken over, and of the distribution.
_NODES = 1 << 13
_QUANTILES = 1 << 12
_SCALES = 64
_POINTS = 1 << 12
_REACH = 12.0

Factor = tuple[float, float, float]


def singular_values(alpha: float, beta: float, share: float) -> Array:
    """Returns quantiles, evenly spaced and rising, of a share of the largest singular values.

    Args:
        alpha: Positive.
        beta: Not negative.
        share: k/d, of which the k largest are meant.
    """
    import numpy as np

    low, high = max(0.0, beta - 2 * alpha), beta + 2 * alpha  # as ‖Z/√d‖ → 2
    value = low + (high - low) * (np.arange(_NODES) + 0.5) / _NODES
    companion = np.zeros((_NODES, 3, 3))
    companion[:, 0, 0] = companion[:, 1, 0] = companion[:, 2, 1] = 1
    companion[:, 0, 1] = (beta**2 - alpha**2) / value**2
    companion[:, 0, 2] = -(beta**2) / value**2
    mass = value * np.linalg.eigvals(companion).imag.max(axis=1)
    below = (np.cumsum(mass) - mass / 2) / mass.sum()
    wanted = 1 - share + share * (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return np.interp(wanted, below, value)


@functools.lru_cache(maxsize=64)
def mimetic(width: int, factors: tuple[Factor, ...], structure: Orthogonal) -> Law:
    """Returns the law of a tensor that holds as many values of each of several factors.

    Args:
        width: d, the length of the rows, or columns, that are orthogonal.
        factors: α, β and k/d of each, as `singular_values` takes them.
        structure: Which rows or columns are orthogonal.
    """
    import numpy as np

    pooled = np.sort(np.concatenate([singular_values(*factor) for factor in factors]))
    first, second, third = (float(np.mean(pooled**order)) for order in (1, 2, 3))
    variance = first / width
    points = math.sqrt(variance) * np.linspace(-_REACH, _REACH, 2 * _POINTS + 1)
    below = _distribution(points, pooled, width)

    def cdf(x: Array) -> Array:
        return np.asarray(np.interp(x, points, below))

    return Law(
        "mimetic",
        0.0,
        variance,
        3 * width / (width + 2) * second / first**2,
        15 * width**2 / ((width + 2) * (width + 4)) * third / first**3,
        (-math.inf, math.inf),
        cdf=cdf,
        structure=structure,
    )


def _distribution(points: Array, values: Array, width: int) -> Array:
    """Returns P(√σ·u ≤ x) for a coordinate u of the sphere, averaged over groups of quantiles."""
    import numpy as np
    from scipy.special import betainc

    scale = values.reshape(_SCALES, -1).mean(axis=1)
    square = np.minimum(points[:, None] ** 2 / scale, 1.0)
    inside = betainc(0.5, (width - 1) / 2, square).mean(axis=1)
    return np.asarray((1 + np.sign(points) * inside) / 2)
