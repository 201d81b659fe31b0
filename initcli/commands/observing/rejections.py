"""Marks what departs from its law, over all tensors of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from initcli.checks.observation import Observation
from initcli.theory.rejection import departures


def with_rejections(
    seen: Sequence[Observation], alpha: float, tolerance: float
) -> list[Observation]:
    """Marks the moments that are off, with one family-wise error over both tests of each tensor.

    Args:
        seen: Tensors of all checkpoints of a run.
        alpha: The family-wise error.
        tolerance: What is no departure; see `initcli.theory.rejection.departures`.
    """
    judgments = [one.judgment for one in seen if one.judgment]
    off = iter(departures(judgments, alpha, tolerance))
    return [_marked(one, next(off)) if one.judgment else one for one in seen]


def _marked(seen: Observation, off: tuple[bool, bool]) -> Observation:
    mean_off, variance_off = off
    return replace(seen, mean_off=mean_off, variance_off=variance_off)
