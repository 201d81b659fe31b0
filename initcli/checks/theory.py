"""Checks of measured moments and structure against the law of the expected scheme."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from initcli.checks.finding import Severity
from initcli.checks.observation import Observation
from initcli.checks.registry import check

if TYPE_CHECKING:
    from initcli.theory.judge import Score

_LONG = 1e6


@check(
    "IC201",
    Severity.ERROR,
    of=Observation,
    looks_at="tensors with an expected scheme",
    needs="law",
    advice="initcli schemes shows what each scheme draws",
    evidence="mean_z",
)
def mean_is_off(seen: Observation) -> str | None:
    """The mean lies outside the sampling band of the expected scheme.

    A mean that chance does not explain shifts every unit alike.
    """
    if seen.judgment is None or not seen.mean_off or seen.summary is None:
        return None
    expected = f"{seen.judgment.stored.mean:.4g} expected"
    return f"mean {seen.summary.mean.real:.4g}, {expected}{_z(seen.judgment.mean)}"


@check(
    "IC202",
    Severity.ERROR,
    of=Observation,
    looks_at="tensors with an expected scheme",
    needs="law",
    advice="look for a wrong fan, gain or mode, or a trained layer",
    evidence="z",
)
def variance_is_off(seen: Observation) -> str | None:
    """The variance lies outside the sampling band of the expected scheme.

    A wrong fan, gain or mode changes the variance by a factor at every layer, and with depth
    signals vanish or explode.
    """
    if seen.judgment is None or not seen.variance_off or seen.summary is None:
        return None
    expected = f"{seen.judgment.stored.variance:.4g} expected"
    return f"variance {seen.summary.variance:.4g}, {expected}{_z(seen.judgment.variance)}"


@check(
    "IC203",
    Severity.ERROR,
    of=Observation,
    looks_at="tensors whose scheme fixes where values lie",
    needs="law",
    advice="see whether the layer was trained, permuted or rescaled",
    evidence="structure",
)
def structure_is_off(seen: Observation) -> str | None:
    """The structure of the expected scheme is missing.

    What an orthogonal, identity or sparse scheme promises lies in the places of values, which
    moments do not show.
    """
    return seen.structure.off or None if seen.structure else None


@check(
    "IC204",
    Severity.ERROR,
    of=Observation,
    looks_at="tensors whose scheme draws between bounds",
    needs="law",
    advice="look for a wrong bound, or a trained layer",
)
def support_is_violated(seen: Observation) -> str | None:
    """A value lies where the expected scheme draws none.

    Uniform and truncated laws end somewhere, and what lies beyond was not drawn by them, however
    well the moments agree. The rounding of the dtype is allowed for.
    """
    if seen.judgment is None or seen.summary is None:
        return None
    from initcli.theory.support import beyond_support  # it brings NumPy

    return beyond_support(seen.judgment.law, seen.spec.dtype, seen.summary) or None


def _z(score: Score) -> str:
    if math.isinf(score.z):
        return ""
    return f" (z = {score.z:+{'.1f' if abs(score.z) < _LONG else '.3g'}})"
