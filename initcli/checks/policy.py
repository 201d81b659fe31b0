"""Which checks are asked, of which tensors, and what their findings weigh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from initcli.checks.finding import Severity

_UNCHANGED: Mapping[str, Severity] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Override:
    """What differs for some tensors.

    Attributes:
        matches: Whether it speaks of a tensor's name.
        ignore: Codes, or their beginnings, whose findings are left out.
        severity: What findings weigh, by code or its beginning.
    """

    matches: Callable[[str], bool]
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=lambda: _UNCHANGED)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a user wants to know of.

    Attributes:
        select: Codes, or their beginnings, of the checks that are asked; empty for all. Those of
            coverage are asked in any case: what was not checked is never passed over.
        ignore: Codes, or their beginnings, of those that are not.
        severity: What findings weigh, by code or its beginning, the longest first.
        overrides: What differs for some tensors; the last that speaks of one counts.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=lambda: _UNCHANGED)
    overrides: tuple[Override, ...] = ()

    def asks(self, code: str, *, is_coverage: bool = False) -> bool:
        """Whether a check is asked at all."""
        is_chosen = is_coverage or not self.select or self.names(code)
        return is_chosen and not (self.ignore and code.startswith(self.ignore))

    def names(self, code: str) -> bool:
        """Whether a check is selected by its code, and not with all others."""
        return bool(self.select) and code.startswith(self.select)

    def severity_of(self, code: str, tensor: str, usual: Severity) -> Severity | None:
        """Returns what a finding weighs at a tensor; None if it is left out."""
        chosen = _longest(self.severity, code) or usual
        for override in self.overrides:
            if override.matches(tensor):
                if override.ignore and code.startswith(override.ignore):
                    return None
                chosen = _longest(override.severity, code) or chosen
        return chosen


def _longest(severity: Mapping[str, Severity], code: str) -> Severity | None:
    fitting = [beginning for beginning in severity if code.startswith(beginning)]
    return severity[max(fitting, key=len)] if fitting else None


EVERYTHING = Policy()
