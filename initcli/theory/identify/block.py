"""Values of a tensor in their places: a matrix of them, or evenly spaced rows of one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from initcli.core.tensor import Shape
from initcli.schemes.layout import Layout

# So long a part of a row is read in about the time that it takes to ask for it.
_LONG = 2048
_MOST_TAPS = 4096


@dataclass(frozen=True, slots=True)
class Sides:
    """How a tensor is looked at as a matrix.

    Attributes:
        rows: Units, over all layers that are stacked in it.
        columns: Values of each.
        taps: How many consecutive columns are the taps of one kernel; 1 without kernels.
        tap_columns: How many taps follow each other along the last dimension.
        parts: How many layers of equal size are fused along the rows.
    """

    rows: int
    columns: int
    taps: int = 1
    tap_columns: int = 1
    parts: int = 1


def sides_of(shape: Shape, layout: Layout | None = None) -> Sides | None:
    """Returns the matrix that a tensor is; None of a vector.

    Args:
        shape: Of the tensor; further dimensions count with the second.
        layout: Whether the first dimension counts layers, and how many are fused along rows.
    """
    if sum(length > 1 for length in shape) < 2:  # noqa: PLR2004 - a matrix has two
        return None
    if layout and layout.stacked:
        return Sides(math.prod(shape[:2]), math.prod(shape[2:]))
    parts = layout.parts if layout and layout.kind in {"linear", "conv"} else 1
    taps = math.prod(shape[2:])
    if not 1 < taps <= _MOST_TAPS:  # what is larger is no kernel
        return Sides(shape[0], math.prod(shape[1:]), parts=parts)
    return Sides(shape[0], math.prod(shape[1:]), taps, shape[-1], parts)


@dataclass(frozen=True, slots=True)
class Extent:
    """Which part of a matrix is looked at: evenly spaced rows, and of each the first columns.

    Attributes:
        sides: Of the matrix.
        rows: How many rows.
        columns: How many columns; whole kernels.
    """

    sides: Sides
    rows: int
    columns: int

    @classmethod
    def of(cls, sides: Sides, most: int) -> Self:
        """Takes at most so many values of long rows, as many reads of short ones take longer."""
        columns = min(sides.columns, max(_LONG, most // sides.rows))
        columns = max(sides.taps, columns - columns % sides.taps)
        return cls(sides, min(sides.rows, max(1, most // columns)), columns)

    @classmethod
    def whole(cls, sides: Sides) -> Self:
        """Takes all of a matrix."""
        return cls(sides, sides.rows, sides.columns)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the matrix."""
        return (self.rows, self.columns) == (self.sides.rows, self.sides.columns)

    @property
    def size(self) -> int:
        """The number of values."""
        return self.rows * self.columns

    @property
    def layers(self) -> NDArray[np.int64]:
        """Which of the fused layers each row belongs to."""
        return self.spaced * self.sides.parts // self.sides.rows

    @property
    def spaced(self) -> NDArray[np.int64]:
        """The numbers of the rows, the first and the last among them."""
        return np.linspace(0, self.sides.rows - 1, self.rows).round().astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Values of a part of a matrix, at a scale of their own so that none overflows a power.

    Attributes:
        values: Rows and columns, about their mean; the largest has size 1. Rows of nothing but
            zeros are left out, as they stand for nothing in an embedding. Layers that are fused
            are each brought to one mean and scale, as each has a law of its own.
        mean: Their mean.
        scale: What both are multiplied by to be what is stored.
        has_zeros: Whether a row that is not all zero holds a zero.
        taps: As in `Sides`; its columns are whole kernels.
        tap_columns: Likewise.
    """

    values: NDArray[np.float64]
    mean: float = 0.0
    taps: int = 1
    tap_columns: int = 1
    scale: float = 1.0
    has_zeros: bool = False

    @classmethod
    def of(cls, values: NDArray[Any], part: Extent) -> Self:
        """Builds a block of finite values, about their mean, from the rows of a part."""
        wide = values.astype(np.float64)
        is_held = wide.any(axis=1)
        wide, layer = wide[is_held], part.layers[is_held]
        has_zeros = not wide.all()
        scale = float(np.abs(wide).max(initial=0.0)) or 1.0
        wide /= scale
        mean = float(wide.mean()) if wide.size else 0.0
        sides = part.sides
        if sides.parts == 1:
            wide -= mean
        for each in range(sides.parts if sides.parts > 1 else 0):
            wide[layer == each] = _standard(wide[layer == each])
        return cls(wide, mean, sides.taps, sides.tap_columns, scale, has_zeros)

    @property
    def size(self) -> int:
        """The number of values."""
        return self.values.size


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns values of mean 0 and mean square 1, where they are not all equal."""
    off = values - values.mean() if values.size else values
    size = math.sqrt(float(np.mean(off * off))) if off.size else 0.0
    return off / size if size else off
