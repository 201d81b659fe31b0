"""Folds findings into one verdict."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from initcli.checks.finding import Finding, Severity
from initcli.checks.registry import CHECKS


class FailOn(enum.Enum):
    """The lightest finding that fails a run."""

    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


def passes(findings: Iterable[Finding], fail_on: FailOn, *, strict: bool) -> bool:
    """Whether a run is clean.

    Args:
        findings: All that was found; what a baseline knows of does not count.
        fail_on: The lightest severity that fails.
        strict: Whether what was not checked fails too.
    """
    fresh = [finding for finding in findings if not finding.known]
    coverage = {code for code, each in CHECKS.items() if each.is_coverage}
    if strict and any(finding.code in coverage for finding in fresh):
        return False
    if fail_on is FailOn.NEVER:
        return True
    least = Severity(fail_on.value).rank
    return all(finding.severity.rank < least for finding in fresh)
