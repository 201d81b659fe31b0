"""What the values of a drawn tensor owe to their place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Isometry:
    """Rows or columns, whichever are fewer, are orthogonal and of norm `gain`.

    Attributes:
        gain: The norm.
        sides: Rows and columns of each of several matrices that lie one behind the other; None
            for a single one, with whose columns further dimensions count.
    """

    gain: float
    sides: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """Rows, or columns, are orthogonal to the others of their run, whatever their norms.

    Attributes:
        runs: How many each run has; all together.
        axis: 0 for rows, 1 for columns.
    """

    runs: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True, slots=True)
class ZerosPerColumn:
    """Each column of the matrix holds so many zeros."""

    count: int


@dataclass(frozen=True, slots=True)
class CentralIsometry:
    """All taps but the central one, (k − 1) // 2, are zero; that one is an isometry of `gain`."""

    gain: float


@dataclass(frozen=True, slots=True)
class ZeroRun:
    """Consecutive values are zero, such as a row of an embedding.

    Attributes:
        first: The number of the first.
        count: How many.
    """

    first: int
    count: int


Structure = Isometry | Orthogonal | ZerosPerColumn | CentralIsometry | ZeroRun
