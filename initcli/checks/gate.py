"""Folds findings into one verdict."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from initcli.checks.finding import Finding, Severity
from initcli.checks.registry import CHECKS


class FailOn(enum.Enum):
    """The lightest finding that fails a run."""

    WARNING = "warning"
    ERROR = "error"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Gate:
    """What shuts: findings of some weight.

    Attributes:
        fail_on: The lightest severity that fails.
        strict: Whether what was not checked fails too, whatever its weight.
    """

    fail_on: FailOn = FailOn.ERROR
    strict: bool = False

    def fails(self, finding: Finding) -> bool:
        """Whether a finding fails a run; what a baseline knows of does not."""
        if finding.known:
            return False
        check = CHECKS.get(finding.code)
        if self.strict and check is not None and check.is_coverage:
            return True
        if self.fail_on is FailOn.NEVER:
            return False
        return finding.severity.rank >= Severity(self.fail_on.value).rank
