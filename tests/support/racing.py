"""One thing measured beside another."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Measure = Callable[[], float]
"""Does something once, and returns what it cost."""


@dataclass(frozen=True, slots=True)
class Race:
    """The medians of what two things cost, and of their ratio round by round.

    Attributes:
        what: Ours / the baseline.
        unit: Of both.
        ours: What ours cost.
        baseline: What it is held against.
        ratio: Of the two.
        target: What is wanted, in words.
    """

    what: str
    unit: str
    ours: float
    baseline: float
    ratio: float
    target: str


Racing = Callable[..., Race]
"""Takes what, ours, baseline, target and unit, and measures both in turn."""


def cpu(work: Callable[[], object]) -> float:
    """Returns what all threads of this process spend on some work."""
    began = time.process_time()
    work()
    return time.process_time() - began
