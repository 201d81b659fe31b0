"""Holds what was observed against what an earlier run found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from initcli.checks.drift import Drifted
from initcli.checks.finding import Finding
from initcli.checks.registry import CHECKS
from initcli.commands.gating.criteria import Criteria
from initcli.commands.observing.whole import Whole
from initcli.core.dtypes import DTYPES
from initcli.core.text import plural
from initcli.recipes.selector import Selector
from initcli.reports.baseline import Baseline, Known, known_of_row
from initcli.reports.describe import tensor_row
from initcli.theory.drift import FEWEST, Shift, shifts
from initcli.theory.rejection import holm


def drift_of(
    checkpoint: str,
    before: Mapping[str, Known],
    after: Mapping[str, Known],
    *,
    alpha: float,
    tolerance: float,
) -> list[Drifted]:
    """Holds every tensor against the baseline, with one family-wise error over all statistics.

    Args:
        checkpoint: The path of the later one.
        before: What the baseline says, by name.
        after: What was found now.
        alpha: The chance that any statistic of tensors that were drawn again is found off.
        tolerance: Means that moved by less of a standard deviation, and variances by less of
            themselves, have not drifted.

    Returns:
        One for every name, those of the baseline first.
    """
    names = list(dict.fromkeys([*before, *after]))
    moved = {name: _shifts(before.get(name), after.get(name)) for name in names}
    every = [shift for found in moved.values() for shift in found]
    rejected = iter(holm([shift.p for shift in every], alpha))
    return [
        Drifted(
            checkpoint,
            name,
            _form(before.get(name)),
            _form(after.get(name)),
            [
                shift
                for shift in moved[name]
                if next(rejected) and _matters(shift, tolerance, before[name])
            ],
            _reason(before.get(name), after.get(name)),
            is_rewritten=_is_rewritten(before.get(name), after.get(name)),
        )
        for name in names
    ]


def drifted_from(
    baseline: Baseline, whole: Whole, selector: Selector, criteria: Criteria
) -> list[Drifted]:
    """Holds every checkpoint against the baseline, but for tensors that are not selected."""
    before = {name: known for name, known in baseline.tensors.items() if selector.matches(name)}
    # A checkpoint of which nothing is left is one that lost everything.
    after: dict[str, dict[str, Known]] = {each.checkpoint: {} for each in whole.contents}
    for one in whole.seen:
        after[one.checkpoint][one.spec.name] = known_of_row(tensor_row(one))
    return [
        drifted
        for checkpoint, tensors in after.items()
        for drifted in drift_of(
            checkpoint, before, tensors, alpha=criteria.alpha, tolerance=criteria.tolerance
        )
    ]


def with_known(findings: Sequence[Finding], baseline: Baseline) -> list[Finding]:
    """Marks what the baseline found already, but for drift, which is told from it."""
    drift = {code for code, each in CHECKS.items() if each.of is Drifted}
    return [
        replace(finding, known=(finding.code, finding.tensor) in baseline.findings)
        if finding.code not in drift
        else finding
        for finding in findings
    ]


def _shifts(before: Known | None, after: Known | None) -> list[Shift]:
    if before is None or after is None or before.shape != after.shape:
        return []
    if not (_is_judged(before) and _is_judged(after)) or _is_same(before, after):
        return []
    return shifts(before.standing, after.standing)


def _is_rewritten(before: Known | None, after: Known | None) -> bool:
    """Whether both were hashed, and hold other bytes in the same form."""
    if before is None or after is None or before.digest is None or after.digest is None:
        return False
    return _form(before) == _form(after) and before.digest != after.digest


def _is_judged(known: Known) -> bool:
    return known.dtype in DTYPES and DTYPES[known.dtype].is_float and _is_measured(known)


def _is_measured(known: Known) -> bool:
    standing = known.standing
    return standing.mean is not None or not standing.finite


def _moments(known: Known) -> tuple[float | None, float | None, int]:
    return known.standing.mean, known.standing.variance, known.standing.nonfinite


def _varies(known: Known) -> bool:
    return bool(known.standing.variance)


def _is_same(before: Known, after: Known) -> bool:
    return before.digest is not None and before.digest == after.digest


def _matters(shift: Shift, tolerance: float, before: Known) -> bool:
    moved = abs(shift.after - shift.before)
    variance = before.standing.variance or 0.0
    if shift.statistic == "mean":
        return moved > tolerance * math.sqrt(variance)
    return shift.statistic != "variance" or moved > tolerance * variance


def _form(known: Known | None) -> str:
    return f"{known.dtype} {'×'.join(map(str, known.shape)) or 'scalar'}" if known else ""


def _reason(before: Known | None, after: Known | None) -> str:
    """Returns why nothing is said of a tensor on both sides whose statistics may differ."""
    if before is None or after is None or before.shape != after.shape:
        return ""
    if _is_measured(before) and _moments(before) == _moments(after):
        return ""
    fewest = min(before.standing.finite, after.standing.finite)
    if 0 < fewest < FEWEST and (fewest == 1 or _varies(before) or _varies(after)):
        return f"{plural(fewest, 'value')} of it: too few to tell a sampling error"
    for side, known in (("here", after), ("there", before)):
        if known.dtype in DTYPES and not DTYPES[known.dtype].is_float:
            return f"values of {known.dtype} are no draws"
        if not _is_measured(known):
            return f"no statistics of it {side}"
    return ""
