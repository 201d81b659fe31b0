"""What was not checked is said, never passed over."""

from __future__ import annotations

from initcli.checks.finding import Severity
from initcli.checks.observation import Observation
from initcli.checks.registry import check


@check(
    "IC901",
    Severity.NOTE,
    of=Observation,
    looks_at="every tensor",
    advice="--strict makes it fail",
    is_coverage=True,
)
def is_not_decoded(seen: Observation) -> str | None:
    """The values are stored in a way that cannot be decoded here.

    What cannot be decoded may hold anything.
    """
    dtype = seen.spec.dtype
    return None if dtype.is_decoded else f"not checked: {dtype.obstacle}"


@check(
    "IC902",
    Severity.NOTE,
    of=Observation,
    looks_at="tensors with an expected scheme",
    advice="--strict fails on it; see --exclude",
    is_coverage=True,
)
def is_not_judged(seen: Observation) -> str | None:
    """A scheme was expected of the tensor, and cannot be held against it.

    No number stands behind a claim about this tensor.
    """
    assignment = seen.assignment
    if assignment is None or not assignment.scheme or seen.judgment is not None:
        return None
    reason = assignment.reason
    if assignment.draw is not None and seen.summary is not None:
        from initcli.theory.judge import cannot_judge

        reason = cannot_judge(assignment.draw.law, seen.summary)
    return f"not checked against {assignment.scheme}: {reason}"


@check(
    "IC903",
    Severity.NOTE,
    of=Observation,
    looks_at="what --rows, --spectrum and structures look at",
    advice="--strict makes it fail",
    is_coverage=True,
)
def is_not_measured(seen: Observation) -> str | None:
    """Something was asked of the tensor that could not be measured.

    What was asked for was not answered.
    """
    return f"not measured: {'; '.join(seen.unmeasured)}" if seen.unmeasured else None


@check(
    "IC904",
    Severity.NOTE,
    of=Observation,
    looks_at="tensors, with --recipe",
    advice="add a rule; keep = true for what stays",
    is_coverage=True,
)
def is_not_ruled(seen: Observation) -> str | None:
    """No rule of the recipe speaks of the tensor.

    A recipe that is silent on a tensor cannot vouch for it.
    """
    is_unmatched = seen.assignment is not None and seen.assignment.is_unmatched
    return f"not checked: {seen.assignment.reason}" if is_unmatched and seen.assignment else None
