"""The one table of checks: a function, its code, and what a user should know of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from initcli.checks.finding import Finding, Severity
from initcli.checks.policy import EVERYTHING, Policy

Need = Literal["", "rows", "hashes", "law", "identity"]
Found = str | Iterable[tuple[str, str]] | None
"""What is wrong with the subject; or, of a subject that holds several, names and what is wrong."""


class Subject(Protocol):
    """What a check looks at."""

    @property
    def checkpoint(self) -> str:
        """The path of its checkpoint as the user gave it."""

    @property
    def tensor(self) -> str:
        """The tensor's name; empty for what is more than one."""


_Subject_contra = TypeVar("_Subject_contra", bound=Subject, contravariant=True)


class Inspect(Protocol[_Subject_contra]):
    """A question asked of a subject."""

    __name__: str

    def __call__(self, subject: _Subject_contra, /) -> Found:
        """Returns what is wrong, or nothing."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question, and what it is asked of.

    Attributes:
        code: Stable for ever.
        severity: What a finding weighs unless a policy says otherwise.
        of: The kind of subject that is asked.
        inspect: Returns what is wrong, or nothing.
        looks_at: What it needs to see.
        advice: What the user can do.
        is_coverage: Whether a finding means that something was not checked.
        needs: What `stats` measures only when it is asked to.
        evidence: The column of a tensor's row, or the attribute of another subject, that is
            missing where the check could not look; empty if it always can.
    """

    code: str
    severity: Severity
    of: type
    inspect: Callable[..., Found]
    looks_at: str
    advice: str
    is_coverage: bool = False
    needs: Need = ""
    evidence: str = ""

    @property
    def title(self) -> str:
        """What is wrong: the first line of the function's docstring."""
        return self._said[0]

    @property
    def why(self) -> str:
        """Why it matters: what follows there."""
        return " ".join(" ".join(self._said[1:]).split())

    @property
    def _said(self) -> list[str]:
        return (inspect.getdoc(self.inspect) or "").split("\n")


CHECKS: dict[str, Check] = {}


def check(  # noqa: PLR0913 - all that the documentation says of one
    code: str,
    severity: Severity,
    *,
    of: type[_Subject_contra],
    looks_at: str,
    advice: str,
    is_coverage: bool = False,
    needs: Need = "",
    evidence: str | None = None,
) -> Callable[[Inspect[_Subject_contra]], Inspect[_Subject_contra]]:
    """Registers a function as the check of a code; what was read has its NaN counted."""

    def register(function: Inspect[_Subject_contra]) -> Inspect[_Subject_contra]:
        if code in CHECKS:
            message = f"two checks of code {code}"
            raise ValueError(message)
        usual = "" if is_coverage else getattr(of, "EVIDENCE", "")
        seen = usual if evidence is None else evidence
        CHECKS[code] = Check(
            code, severity, of, function, looks_at, advice, is_coverage, needs, seen
        )
        return function

    return register


def looked(subject: Subject, codes: Iterable[str]) -> tuple[str, ...]:
    """Returns the codes of those checks that could look at a subject."""
    return tuple(
        code
        for code in codes
        if isinstance(subject, (each := CHECKS[code]).of)
        and (not each.evidence or getattr(subject, each.evidence))
    )


def codes_of(*kinds: type, policy: Policy = EVERYTHING) -> tuple[str, ...]:
    """Returns the codes of the checks that are asked of some kinds of subjects, in order."""
    return tuple(
        code
        for code, each in sorted(CHECKS.items())
        if each.of in kinds and policy.asks(code, is_coverage=each.is_coverage)
    )


def run_checks(subjects: Iterable[Subject], policy: Policy = EVERYTHING) -> list[Finding]:
    """Asks of every subject every check that is of its kind, in the order of their codes."""
    checks = [
        each
        for code, each in sorted(CHECKS.items())
        if policy.asks(code, is_coverage=each.is_coverage)
    ]
    return [
        Finding(each.code, severity, tensor, message, subject.checkpoint)
        for subject in subjects
        for each in checks
        if isinstance(subject, each.of)
        for tensor, message in _located(subject, each.inspect(subject))
        if (severity := policy.severity_of(each.code, tensor, each.severity)) is not None
    ]


def _located(subject: Subject, found: Found) -> Iterator[tuple[str, str]]:
    if isinstance(found, str):
        yield subject.tensor, found
    else:
        yield from found or ()


def selectable(code: str, kinds: Collection[type], *, has_laws: bool) -> bool:
    """Whether some check whose code begins so can look at anything.

    Args:
        code: A code, or its beginning.
        kinds: The kinds of subjects that there are.
        has_laws: Whether schemes are expected of tensors.
    """
    return any(
        each.of in kinds and (has_laws or each.needs != "law")
        for own, each in CHECKS.items()
        if own.startswith(code)
    )


def needed(policy: Policy) -> frozenset[Need]:
    """Returns what must be measured for the checks that a policy names by their codes."""
    return frozenset(
        each.needs for code, each in CHECKS.items() if policy.names(code) or code in policy.severity
    )
