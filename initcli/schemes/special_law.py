"""Laws of single schemes, made of those of `law.py`."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from initcli.schemes import law as laws
from initcli.schemes.law import Fixed, Law
from initcli.schemes.structure import CentralIsometry

if TYPE_CHECKING:
    from initcli.schemes.law import Array

# Quadrature nodes for densities as smooth as an exponential over a few decades.
_NODES = 96


def delta_orthogonal(gain: float, length: int, taps: int) -> Law:
    """Returns the law of a convolution of which only the central tap is an isometry.

    Args:
        gain: What the isometry is multiplied by.
        length: Its longer side.
        taps: How many taps there are.
    """
    dense, share = laws.orthogonal(gain, length), 1 / taps
    distribution = dense.cdf
    if distribution is None or taps == 1:
        return dense

    def cdf(x: Array) -> Array:
        import numpy as np

        return np.asarray((1 - share) * (x >= 0) + share * distribution(x))

    return replace(
        dense,
        family="delta orthogonal",
        variance=dense.variance * share,
        kurtosis=dense.kurtosis / share,
        sixth=dense.sixth / share**2,
        random_share=share,
        cdf=cdf,
        structure=CentralIsometry(abs(gain)),
    )


def softplus_inverse(value: float) -> float:
    """Returns x for which log(1 + exp(x)) is a positive value."""
    return value + math.log(-math.expm1(-value))


def inverse_softplus_of_log_uniform(low: float, high: float, floor: float) -> Law:
    """Returns the law of softplus⁻¹(max(floor, exp(V))), V ~ U[log low, log high).

    Args:
        low: The least step, positive.
        high: The greatest, larger than low and floor.
        floor: What smaller steps are raised to.
    """
    import numpy as np

    least, width = max(low, floor), math.log(high / low)
    raised = math.log(least / low) / width
    node, weight = _quadrature()
    exponent = math.log(least) + math.log(high / least) * (node + 1) / 2
    step = np.append(np.exp(exponent), least)
    share = np.append(weight / 2 * (1 - raised), raised)
    bottom, top = softplus_inverse(least), softplus_inverse(high)

    def cdf(x: Array) -> Array:
        inside = np.clip(x, bottom, top)
        below = (np.log(np.logaddexp(0.0, inside)) - math.log(low)) / width
        return np.asarray(np.where(x < bottom, 0.0, np.clip(below, 0.0, 1.0)))

    # The moments are those of the nodes: quadrature is a discrete law.
    discrete = laws.pattern("softplus⁻¹ of log-uniform", step + np.log(-np.expm1(-step)), share)
    support = (bottom, top)
    return replace(discrete, fixed=Fixed.NOTHING, atoms=None, support=support, cdf=cdf)


@functools.cache
def _quadrature() -> tuple[Array, Array]:
    """Returns Gauss & Legendre's nodes and weights."""
    import numpy as np

    node, weight = np.polynomial.legendre.leggauss(_NODES)
    return node, weight
