"""What Keras on torch makes of a normal law that is cut off: four in a million values are not.

It draws four values each and takes the first within ±2σ, and the first of all where none is
(keras/src/backend/torch/random.py, truncated_normal): with the chance q⁴ for q = P(|z| ≥ 2).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.schemes import gaussian
from initcli.schemes import law as laws
from initcli.schemes.law import Law

_REACH = 2.0
_TRIES = 4
_DIGITS = 1e-9
_CUT_AT_TWO = laws.truncated_normal(0.0, 1.0, -_REACH, _REACH)


def leaking(law: Law) -> Law | None:
    """Returns the law as Keras draws it on torch; None of what is not cut off at ±2σ."""
    whole = law.cdf
    if law.family != "truncated normal" or whole is None:
        return None
    if law.mean or abs(law.kurtosis - _CUT_AT_TWO.kurtosis) > _DIGITS:
        return None
    scale = law.std / _CUT_AT_TWO.std
    within = math.erf(_REACH / math.sqrt(2))
    leaked = (1 - within) ** _TRIES

    def cdf(x: NDArray[Any]) -> NDArray[Any]:
        z = x / scale
        outside = gaussian.cdf(np.minimum(z, -_REACH)) + (
            gaussian.cdf(np.maximum(z, _REACH)) - gaussian.cdf(np.array(_REACH))
        )
        return np.asarray((1 - leaked) * whole(x) + leaked * outside / (1 - within))

    support = (-math.inf, math.inf)
    return replace(law, family="truncated normal of Keras on torch", support=support, cdf=cdf)
