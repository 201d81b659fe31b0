"""The one table of checks: a function, its code, and what a user should know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from initcli.checks.finding import Finding, Severity
from initcli.checks.observation import Observation

Inspect = Callable[[Observation], str | None]


@dataclass(frozen=True, slots=True)
class Check:
    """A question asked of every tensor.

    Attributes:
        code: Stable for ever.
        severity: What a finding weighs.
        is_coverage: Whether a finding means that something was not checked.
        inspect: Returns what is wrong, or None.
        advice: What the user can do.
    """

    code: str
    severity: Severity
    inspect: Inspect
    advice: str
    is_coverage: bool = False

    @property
    def title(self) -> str:
        """The first line of the function's docstring."""
        return (self.inspect.__doc__ or "").split("\n", 1)[0]


CHECKS: dict[str, Check] = {}


def check(
    code: str, severity: Severity, *, advice: str, is_coverage: bool = False
) -> Callable[[Inspect], Inspect]:
    """Registers a function as the check of a code."""

    def register(function: Inspect) -> Inspect:
        CHECKS[code] = Check(code, severity, function, advice, is_coverage)
        return function

    return register


def run_checks(observations: Iterable[Observation]) -> list[Finding]:
    """Asks every check of every tensor, tensor by tensor."""
    return [
        Finding(each.code, each.severity, seen.spec.name, message, seen.checkpoint)
        for seen in observations
        for _, each in sorted(CHECKS.items())
        if (message := each.inspect(seen)) is not None
    ]
