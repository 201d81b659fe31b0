"""Largest singular value, stable rank and distance from orthogonality of a streamed matrix.

All three are read off the smaller Gram matrix G of W (r × c): W Wᵀ if r < c, else WᵀW, of side
m = min(r, c), divided by g² = ‖W‖_F² / m so that its eigenvalues λ average 1. Then
σ_max = g √λ_max, ‖W‖_F² / σ_max² = m / λ_max, and ‖G − g² I‖₂ / g² = max(λ_max − 1, 1 − λ_min).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from initcli.statistics.gram import NotFiniteError, ReadRows, Streamed, Values
from initcli.statistics.lanczos import NotConvergedError, Product, dominant

# LAPACK finds all eigenvalues up to this side within 0.1 s; Lanczos is no faster.
DENSE_SIDE = 1024

# Where eigenvalues crowd within a few 1e-3 of 1, a looser first one settles on the second
# largest; where they crowd within 1e-6 of the largest, it takes thousands of products to reach.
_LARGEST_TOLERANCES = (1e-7, 1e-4)
_DEVIATION_TOLERANCES = (1e-4,)
# How far a matrix is from an isometry need not be known to more digits than are reported.
_DISTANCE_TOLERANCES = (1e-3, 1e-2)
# From where on the mean eigenvalue says it all, and G may be beyond float64.
_FAR = 1e12


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What is known of a matrix's singular values.

    Attributes:
        largest: σ_max, in the unit of the values.
        stable_rank: ‖W‖_F² / σ_max², between 1 and min(r, c).
        orthogonality: ‖G − g² I‖₂ / g², a spectral norm relative to the mean square g² of the
            singular values: 0 for an orthogonal matrix times any gain, at most min(r, c) − 1.
        reason: Why something is None; empty when nothing is.
    """

    largest: float | None = None
    stable_rank: float | None = None
    orthogonality: float | None = None
    reason: str = ""


def spectrum(read_rows: ReadRows, shape: tuple[int, int]) -> Spectrum:
    """Measures a matrix that need not fit into memory.

    Up to a side of `DENSE_SIDE` the figures are exact to float64 rounding. Beyond, Lanczos finds
    σ_max within 1e-6 relative, or 5e-5 where many others lie within 1e-5 of it; and the
    orthogonality within 1e-4 relative or 1e-11 absolute. All products are taken in float64.

    Memory: G up to a side of `GRAM_SIDE` (512 MiB), and if r < c `PANEL_BYTES` more; beyond that
    side, some twenty vectors of m values and one of c. Besides, a few blocks of `BLOCK_BYTES`,
    or of one row where that is longer.

    Args:
        read_rows: Returns rows `first` to `first + count` as float32 or float64 of shape
            (count, c), the same whenever it is asked: once for each row of float32, twice for
            float64, again for each panel if r < c, and for each of some hundred products where
            the side exceeds `GRAM_SIDE` or the panels `MOST_PANELS`.
        shape: (r, c), both at least 2.

    Returns:
        The spectrum: of the same values the same bits, on one machine and number of threads.
    """
    try:
        return _measure(Streamed.opened(read_rows, shape))
    except (NotFiniteError, NotConvergedError) as error:
        return Spectrum(reason=str(error))


@dataclass(frozen=True, slots=True)
class _Extremes:
    """λ_max and max(λ_max − 1, 1 − λ_min) of G / g²."""

    largest: float
    deviation: float | None
    reason: str = ""


def distance_from_isometry(read_rows: ReadRows, shape: tuple[int, int], gain: float) -> float:
    """Returns ‖G − gain² I‖₂ / gain², a spectral norm, which is 0 for `gain` times an isometry.

    It is exact to float64 rounding up to a side of `DENSE_SIDE`, and within 1e-2 of itself beyond.
    Memory is that of `spectrum`, and so is how often rows are read.

    Args:
        read_rows: Returns rows `first` to `first + count` as float32 or float64.
        shape: (r, c).
        gain: The norm that rows or columns, whichever are fewer, should have; not 0.

    Raises:
        NotFiniteError: A value is NaN or infinite.
        NotConvergedError: It was not found to that tolerance.
    """
    matrix = Streamed.opened(read_rows, shape)
    gram, energy = _gram_and_energy(matrix)
    scaled = gain / matrix.unit
    square = scaled * scaled  # a power would raise where it is infinite
    mean = energy / matrix.side / square if square else math.inf
    if matrix.side == 1 or not mean < _FAR:
        return abs(mean - 1)
    if gram is not None and matrix.side <= DENSE_SIDE:
        return _furthest_from_one(*_ends(gram / square))
    times = _product(matrix, gram, square)
    return abs(dominant(lambda x: times(x) - x, matrix.side, _DISTANCE_TOLERANCES))


def _gram_and_energy(matrix: Streamed) -> tuple[Values | None, float]:
    gram = matrix.gram() if matrix.has_gram else None
    return gram, matrix.energy() if gram is None else float(gram.trace())


def _measure(matrix: Streamed) -> Spectrum:
    gram, energy = _gram_and_energy(matrix)
    if not energy:
        return Spectrum(0.0, reason="all its values are zero")
    return _finish(matrix, energy, _extremes(matrix, gram, energy / matrix.side))


def _extremes(matrix: Streamed, gram: Values | None, square: float) -> _Extremes:
    if gram is not None and matrix.side <= DENSE_SIDE:
        least, largest = _ends(gram / square)
        return _Extremes(largest, _furthest_from_one(least, largest))
    return _by_lanczos(_product(matrix, gram, square), matrix.side)


def _product(matrix: Streamed, gram: Values | None, square: float) -> Product:
    """Returns what multiplies a vector by G / g²."""
    from scipy.linalg.blas import dsymv

    if gram is None:
        return lambda x: matrix.times(x) / square
    gram /= square
    return lambda x: dsymv(1.0, gram, x, lower=1)


def _ends(gram: Values) -> tuple[float, float]:
    """Returns the least and largest eigenvalue."""
    # NumPy has another BLAS, whose threads would contend with those of the products before.
    from scipy.linalg import eigvalsh

    eigenvalues = eigvalsh(gram, overwrite_a=True, check_finite=False, driver="evd")
    return float(eigenvalues[0]), float(eigenvalues[-1])


def _furthest_from_one(least: float, largest: float) -> float:
    return max(largest - 1, 1 - least)


def _by_lanczos(times: Product, side: int) -> _Extremes:
    largest = dominant(times, side, _LARGEST_TOLERANCES)
    if largest - 1 >= 1:  # and 1 − λ_min is at most 1
        return _Extremes(largest, largest - 1)
    try:
        either = dominant(lambda x: times(x) - x, side, _DEVIATION_TOLERANCES)
    except NotConvergedError as error:
        return _Extremes(largest, None, f"orthogonality: {error}")
    # No estimate exceeds the eigenvalue it estimates, so the larger of two is the better.
    largest = max(largest, 1 + either)
    return _Extremes(largest, max(abs(either), largest - 1))


def _finish(matrix: Streamed, energy: float, extremes: _Extremes) -> Spectrum:
    # Rounding alone takes λ_max below the mean or above the sum of all.
    stable_rank = min(max(matrix.side / extremes.largest, 1.0), float(matrix.side))
    largest = matrix.unit * math.sqrt(energy / stable_rank)
    if math.isinf(largest):
        reason = "its largest singular value is beyond float64"
        return Spectrum(None, stable_rank, extremes.deviation, reason)
    return Spectrum(largest, stable_rank, extremes.deviation, extremes.reason)
