"""The largest singular value of a random matrix: Tracy & Widom's law, and products that reach it.

Of an m×n matrix of independent values of variance σ², λ₁/σ² of the Gram matrix is near
μ = (√(m − ½) + √(n − ½))² with the scale s = √μ·(1/√(m − ½) + 1/√(n − ½))^⅓, and (λ₁ − μ)/s follows
the Tracy–Widom law of order 1 but for terms of n^(−2/3) (Johnstone, Annals of Statistics 29, 2001;
Ma, Bernoulli 18, 2012, for the halves), whatever the law of the values if its fourth moment exists.
Its tail is that of a gamma law moved by 9.848 (Chiani, Journal of Multivariate Analysis 129, 2014).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SHAPE, _SCALE, _SHIFT = 46.446, 0.186054, 9.84801
_STEPS = 16
# Once more than exact arithmetic needs, as rounding brings back what was taken out.
_TWICE = 2
# What is left of a vector when nothing but rounding in float32 is.
_ROUNDING = 1e-4
_SEED = 0
FEWEST = 16

Matrix = NDArray[np.float64]
Single = NDArray[np.float32]


def edge_p(largest: float, variance: float, sides: tuple[int, int]) -> tuple[float, float]:
    """Returns how likely the largest singular value is at least, and at most, as large.

    Args:
        largest: The singular value.
        variance: Of the values, about their mean, which is 0.
        sides: Rows and columns, `FEWEST` each or more.
    """
    from scipy.special import gammainc, gammaincc

    m, n = (math.sqrt(side - 0.5) for side in sides)
    centre, scale = (m + n) ** 2, (m + n) * (1 / m + 1 / n) ** (1 / 3)
    at = max(0.0, (largest**2 / variance - centre) / scale + _SHIFT) / _SCALE
    return float(gammaincc(_SHAPE, at)), float(gammainc(_SHAPE, at))


def largest_singular(matrix: Matrix) -> float:
    """Returns the largest singular value, or a little less.

    Sixteen steps of Lanczos' iteration of the Gram matrix, from a random start: what they find is
    the largest of a subspace, never more than the truth, and what stands out they find to all
    digits. So a test for more than chance stays a test.
    """
    lying = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = np.ascontiguousarray(lying, np.float32)
    basis = _krylov(wide, min(_STEPS, len(wide)))
    reached = (basis @ wide).astype(np.float64)
    return math.sqrt(max(0.0, float(np.linalg.eigvalsh(reached @ reached.T)[-1])))


def _krylov(wide: Single, steps: int) -> Single:
    """Returns an orthonormal basis of what products of the Gram matrix reach from a start.

    It ends where they reach nothing new: those of an isometry never leave the start.
    """
    basis = np.zeros((steps, len(wide)), np.float32)
    vector: Single = np.random.default_rng(_SEED).standard_normal(len(wide), np.float32)
    for step in range(steps):
        whole = math.sqrt(float(vector @ vector))
        for _ in range(_TWICE):
            vector = vector - basis[:step].T @ (basis[:step] @ vector)
        norm = math.sqrt(float(vector @ vector))
        if norm <= _ROUNDING * whole:
            return basis[:step]
        basis[step] = vector * np.float32(1 / norm)
        vector = wide @ (basis[step] @ wide)
    return basis
