"""How often p-values fall below what they say, where what they test is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.stats import binom

from initcli.schemes import law as laws
from initcli.schemes.law import Law

LEVELS = (0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
# A count that is as high or higher by chance once in so many is marked.
MARKED = 1e-4
FEWEST = 2
STD = 0.02


@dataclass(slots=True)
class Tail:
    """How often a p-value was below each level.

    Attributes:
        count: Of p-values.
        below: By level.
    """

    count: int = 0
    below: np.ndarray = field(default_factory=lambda: np.zeros(len(LEVELS), np.int64))

    def add(self, values: Iterable[float]) -> None:
        found = np.fromiter(values, float)
        self.count += found.size
        self.below += [int((found < level).sum()) for level in LEVELS]

    def __add__(self, other: Tail) -> Tail:
        return Tail(self.count + other.count, self.below + other.below)

    @property
    def surprises(self) -> list[bool]:
        """Whether each count is more than chance would make it."""
        beyond = binom.sf(self.below - 1, self.count, LEVELS)
        return [bool(p < MARKED) for p in beyond]

    @property
    def cells(self) -> Sequence[str]:
        """P(p < level)/level of each level that two p-values at least should be below."""
        told = [f"{self.count:,}"]
        for level, below, high in zip(LEVELS, self.below, self.surprises, strict=True):
            expected = level * self.count
            is_told = expected >= FEWEST or high
            told.append(f"{below / expected:.2f}{'*' * high}" if is_told else "–")
        return told


HEADER = ("p-values", *(f"{level:g}" for level in LEVELS))
ABOUT = (
    "P(p < a)/a by level a, where what is tested is true: 1 is exact, less is on the safe side. "
    f"A star marks what chance exceeds once in {1 / MARKED:,.0f}; a dash, too few p-values."
)


@dataclass(frozen=True, slots=True)
class Family:
    """A law, and a fast way to draw from it."""

    name: str
    law: Law

    def draw(self, rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
        """Returns independent values in float32."""
        values = torch.empty(rows, columns)
        if self.law.family == "uniform":
            return values.uniform_(*self.law.support, generator=generator)
        values.normal_(0, STD, generator=generator)
        while (outside := values.abs() > self.law.support[1]).any():
            again = torch.empty(int(outside.sum()))
            values[outside] = again.normal_(0, STD, generator=generator)
        return values


FAMILIES = (
    Family("uniform", laws.uniform(-STD, STD)),
    Family("normal", laws.normal(0.0, STD)),
    Family("truncated ±2σ", laws.truncated_normal(0.0, STD, -2 * STD, 2 * STD)),
    Family("truncated ±3σ", laws.truncated_normal(0.0, STD, -3 * STD, 3 * STD)),
)
