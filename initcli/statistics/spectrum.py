"""Largest singular value, stable rank and distance from orthogonality of a streamed matrix.

All three are read off the smaller Gram matrix G of W (r × c): W Wᵀ if r < c, else WᵀW, of side
m = min(r, c), divided by g² = ‖W‖_F² / m so that its eigenvalues λ average 1. Then
σ_max = g √λ_max, ‖W‖_F² / σ_max² = m / λ_max, and ‖G − g² I‖₂ / g² = max(λ_max − 1, 1 − λ_min).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.statistics.lanczos import NotConvergedError, Product, dominant

# A Gram matrix beyond this side would outgrow 512 MiB; W is read again for every product.
GRAM_SIDE = 8192
# LAPACK finds all eigenvalues up to this side within 0.1 s; Lanczos is no faster.
DENSE_SIDE = 1024
BLOCK_BYTES = 8 << 20
PANEL_BYTES = 64 << 20
# Each panel reads all of W, as half a product does where r < c.
MOST_PANELS = 100

# Where eigenvalues crowd within a few 1e-3 of 1, a looser first one settles on the second
# largest; where they crowd within 1e-6 of the largest, it takes thousands of products to reach.
_LARGEST_TOLERANCES = (1e-7, 1e-4)
_DEVIATION_TOLERANCES = (1e-4,)

ReadRows = Callable[[int, int], NDArray[np.floating[Any]]]
_Values = NDArray[np.float64]


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
        return _measure(_Matrix.opened(read_rows, shape))
    except (_NotFiniteError, NotConvergedError) as error:
        return Spectrum(reason=str(error))


class _NotFiniteError(Exception):
    """Raised where a block holds NaN or infinity."""


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A matrix read in blocks, its values divided by `unit`."""

    read: ReadRows
    rows: int
    columns: int
    dtype: np.dtype[Any]
    unit: float = 1.0

    @classmethod
    def opened(cls, read: ReadRows, shape: tuple[int, int]) -> _Matrix:
        plain = cls(read, *shape, read(0, 1).dtype)
        if plain.dtype == np.float32:  # whose squares neither overflow nor vanish in float64
            return plain
        peak = max(float(np.abs(block).max()) for _, block in plain.blocks())
        # By a power of two, division is exact; it is representable where its inverse is not.
        unit = math.ldexp(1.0, math.frexp(peak)[1] - 1) if peak else 1.0
        return cls(read, *shape, plain.dtype, unit)

    @property
    def is_wide(self) -> bool:
        return self.rows < self.columns

    @property
    def side(self) -> int:
        return min(self.rows, self.columns)

    @property
    def has_gram(self) -> bool:
        panels = self.rows * self.columns * self.dtype.itemsize / PANEL_BYTES
        return self.side <= GRAM_SIDE and (panels <= MOST_PANELS or not self.is_wide)

    def blocks(self) -> Iterator[tuple[slice, _Values]]:
        """Yields rows and their values, of shape (count, c)."""
        step = max(1, BLOCK_BYTES // (8 * self.columns))
        for first in range(0, self.rows, step):
            rows = slice(first, min(first + step, self.rows))
            block = self.read(first, rows.stop - first)
            if not np.isfinite(block).all():
                raise _NotFiniteError("it holds values that are not finite")
            wide = np.asarray(block, np.float64)
            yield rows, wide if self.unit == 1 else wide / self.unit

    def tiles(self) -> Iterator[_Values]:
        """Yields all values, cut across the longer side: of shape (count, c) or (r, count)."""
        if not self.is_wide:
            yield from (block for _, block in self.blocks())
            return
        step = max(1, BLOCK_BYTES // (8 * self.rows))
        for panel in self._panels():
            for first in range(0, panel.shape[1], step):
                yield panel[:, first : first + step].astype(np.float64, order="C")

    def _panels(self) -> Iterator[NDArray[Any]]:
        """Yields whole columns, as many as fit; each time all rows are read."""
        width = min(max(1, PANEL_BYTES // (self.dtype.itemsize * self.rows)), self.columns)
        panel = np.empty((self.rows, width), self.dtype)
        for first in range(0, self.columns, width):
            part = panel[:, : self.columns - first]
            for rows, block in self.blocks():
                part[rows] = block[:, first : first + width]
            yield part


@dataclass(frozen=True, slots=True)
class _Extremes:
    """λ_max and max(λ_max − 1, 1 − λ_min) of G / g²."""

    largest: float
    deviation: float | None
    reason: str = ""


def _measure(matrix: _Matrix) -> Spectrum:
    gram = _gram(matrix) if matrix.has_gram else None
    energy = _energy(matrix) if gram is None else float(gram.trace())
    if not energy:
        return Spectrum(0.0, reason="all its values are zero")
    return _finish(matrix, energy, _extremes(matrix, gram, energy / matrix.side))


def _gram(matrix: _Matrix) -> _Values:
    """Returns the lower triangle of G; above its diagonal are zeros."""
    from scipy.linalg.blas import dsyrk

    gram = np.zeros((matrix.side, matrix.side), order="F")
    for tile in matrix.tiles():
        # Transposed, a tile is in Fortran's order, so that neither it nor G is copied.
        dsyrk(1.0, tile.T, beta=1.0, c=gram, trans=matrix.is_wide, lower=1, overwrite_c=1)
    return gram


def _energy(matrix: _Matrix) -> float:
    return sum(float(np.vdot(block, block)) for _, block in matrix.blocks())


def _extremes(matrix: _Matrix, gram: _Values | None, square: float) -> _Extremes:
    from scipy.linalg.blas import dsymv

    if gram is None:
        return _by_lanczos(lambda x: _times(matrix, x) / square, matrix.side)
    gram /= square
    if matrix.side <= DENSE_SIDE:
        return _by_lapack(gram)
    return _by_lanczos(lambda x: dsymv(1.0, gram, x, lower=1), matrix.side)


def _times(matrix: _Matrix, x: _Values) -> _Values:
    """Returns G x; reads W once, or twice if r < c."""
    image = np.zeros(matrix.columns)
    if not matrix.is_wide:
        for _, block in matrix.blocks():
            image += block.T @ (block @ x)
        return image
    for rows, block in matrix.blocks():
        image += block.T @ x[rows]
    return np.concatenate([block @ image for _, block in matrix.blocks()])


def _by_lapack(gram: _Values) -> _Extremes:
    # NumPy has another BLAS, whose threads would contend with those of the products before.
    from scipy.linalg import eigvalsh

    eigenvalues = eigvalsh(gram, overwrite_a=True, check_finite=False, driver="evd")
    least, largest = float(eigenvalues[0]), float(eigenvalues[-1])
    return _Extremes(largest, max(largest - 1, 1 - least))


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


def _finish(matrix: _Matrix, energy: float, extremes: _Extremes) -> Spectrum:
    # Rounding alone takes λ_max below the mean or above the sum of all.
    stable_rank = min(max(matrix.side / extremes.largest, 1.0), float(matrix.side))
    largest = matrix.unit * math.sqrt(energy / stable_rank)
    if math.isinf(largest):
        reason = "its largest singular value is beyond float64"
        return Spectrum(None, stable_rank, extremes.deviation, reason)
    return Spectrum(largest, stable_rank, extremes.deviation, extremes.reason)
