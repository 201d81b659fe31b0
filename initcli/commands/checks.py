"""`initcli checks`: the table of checks, or one of them in full."""

from __future__ import annotations

from initcli.checks.registry import CHECKS, Check
from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean, plural, visible
from initcli.reports.listing import (
    CHECK_COLUMNS,
    FIELD_COLUMNS,
    CheckRow,
    FieldRow,
    ListingReport,
    listing,
)


def list_checks(code: str | None = None) -> ListingReport:
    """Lists every check, or shows one of them in full.

    Raises:
        OptionError: No check has that code.
    """
    if code is not None:
        return _detail(_find(code))
    rows = [
        CheckRow(each.code, each.severity.value, each.title, each.looks_at, each.advice)
        for _, each in sorted(CHECKS.items())
    ]
    return ListingReport(
        "initcli.checks/1", listing(CHECK_COLUMNS, rows), plural(len(rows), "check")
    )


def _find(code: str) -> Check:
    if code.upper() not in CHECKS:
        hint = did_you_mean(code.upper(), CHECKS) or "initcli checks lists them"
        raise OptionError(f"no check {visible(code, 80)!r}", hint=hint)
    return CHECKS[code.upper()]


def _detail(check: Check) -> ListingReport:
    rows = [
        FieldRow("code", check.code),
        FieldRow("severity", check.severity.value),
        FieldRow("what is found", check.title),
        FieldRow("why it matters", check.why),
        FieldRow("looks at", check.looks_at),
        FieldRow("what to do", check.advice),
    ]
    quiet = f"--ignore-check {check.code} leaves it out"
    if check.is_coverage:
        quiet = f"--strict fails on it; {quiet}"
    return ListingReport("initcli.check/1", listing(FIELD_COLUMNS, rows), quiet)
