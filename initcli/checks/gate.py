"""Folds findings into one verdict."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from initcli.checks.finding import Finding, Severity

NOT_CHECKED = frozenset({"IC901", "IC902"})


class FailOn(enum.Enum):
    """The lightest finding that fails a run."""

    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


def passes(findings: Iterable[Finding], fail_on: FailOn, *, strict: bool) -> bool:
    """Whether a run is clean.

    Args:
        findings: All that was found.
        fail_on: The lightest severity that fails.
        strict: Whether what was not checked fails too.
    """
    if strict and any(finding.code in NOT_CHECKED for finding in findings):
        return False
    if fail_on is FailOn.NEVER:
        return True
    least = Severity(fail_on.value).rank
    return all(finding.severity.rank < least for finding in findings)
