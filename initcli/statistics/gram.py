"""A matrix that need not fit into memory, and the smaller of its Gram matrices.

Of W (r × c) that is W Wᵀ if r < c, else WᵀW; its side is m = min(r, c).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A Gram matrix beyond this side would outgrow 512 MiB; W is read again for every product.
GRAM_SIDE = 8192
BLOCK_BYTES = 8 << 20
PANEL_BYTES = 64 << 20
# Each panel reads all of W, as half a product does where r < c.
MOST_PANELS = 100

ReadRows = Callable[[int, int], NDArray[np.floating[Any]]]
Values = NDArray[np.float64]


class NotFiniteError(Exception):
    """Raised where a block holds NaN or infinity."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A matrix read in blocks, its values divided by `unit`.

    Attributes:
        read: Returns rows `first` to `first + count` as float32 or float64.
        rows, columns: r and c.
        dtype: What is read.
        unit: A power of two; 1 for float32.
    """

    read: ReadRows
    rows: int
    columns: int
    dtype: np.dtype[Any]
    unit: float = 1.0

    @classmethod
    def opened(cls, read: ReadRows, shape: tuple[int, int]) -> Streamed:
        """Chooses the unit, for which all of a float64 matrix is read.

        Raises:
            NotFiniteError: A value of a float64 matrix is NaN or infinite.
        """
        plain = cls(read, *shape, read(0, 1).dtype)
        if plain.dtype == np.float32:  # whose squares neither overflow nor vanish in float64
            return plain
        peak = max(float(np.abs(block).max()) for _, block in plain.blocks())
        # By a power of two, division is exact; it is representable where its inverse is not.
        unit = math.ldexp(1.0, math.frexp(peak)[1] - 1) if peak else 1.0
        return cls(read, *shape, plain.dtype, unit)

    @property
    def is_wide(self) -> bool:
        """Whether the Gram matrix is W Wᵀ."""
        return self.rows < self.columns

    @property
    def side(self) -> int:
        """m, the side of the Gram matrix."""
        return min(self.rows, self.columns)

    @property
    def has_gram(self) -> bool:
        """Whether its Gram matrix fits, and can be had in fewer readings than its products."""
        panels = self.rows * self.columns * self.dtype.itemsize / PANEL_BYTES
        return self.side <= GRAM_SIDE and (panels <= MOST_PANELS or not self.is_wide)

    def blocks(self) -> Iterator[tuple[slice, Values]]:
        """Yields rows and their values, of shape (count, c)."""
        step = max(1, BLOCK_BYTES // (8 * self.columns))
        for first in range(0, self.rows, step):
            rows = slice(first, min(first + step, self.rows))
            block = self.read(first, rows.stop - first)
            if not np.isfinite(block).all():
                raise NotFiniteError("it holds values that are not finite")
            wide = np.asarray(block, np.float64)
            yield rows, wide if self.unit == 1 else wide / self.unit

    def tiles(self) -> Iterator[Values]:
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

    def gram(self) -> Values:
        """Returns the lower triangle of G; above its diagonal are zeros.

        Raises:
            NotFiniteError: A value is NaN or infinite.
        """
        from scipy.linalg.blas import dsyrk

        gram = np.zeros((self.side, self.side), order="F")
        for tile in self.tiles():
            # Transposed, a tile is in Fortran's order, so that neither it nor G is copied.
            dsyrk(1.0, tile.T, beta=1.0, c=gram, trans=self.is_wide, lower=1, overwrite_c=1)
        return gram

    def energy(self) -> float:
        """Returns Σx², the trace of G."""
        return sum(float(np.vdot(block, block)) for _, block in self.blocks())

    def times(self, x: Values) -> Values:
        """Returns G x; reads W once, or twice if r < c."""
        image = np.zeros(self.columns)
        if not self.is_wide:
            for _, block in self.blocks():
                image += block.T @ (block @ x)
            return image
        for rows, block in self.blocks():
            image += block.T @ x[rows]
        return np.concatenate([block @ image for _, block in self.blocks()])
