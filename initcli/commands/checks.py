"""`initcli checks`: the table of checks, or one of them in full."""

from __future__ import annotations

from initcli.checks.registry import CHECKS, Check
from initcli.commands.gating.values import known_code
from initcli.core.text import plural
from initcli.reports.listing import (
    CHECK_COLUMNS,
    FIELD_COLUMNS,
    CheckRow,
    FieldRow,
    ListingReport,
    listing,
)


def list_checks(code: str | None = None) -> ListingReport:
    """Lists every check or those whose codes begin alike, or shows one of them in full.

    Raises:
        OptionError: No check's code begins so.
    """
    if code is not None and code.upper() in CHECKS:
        return _detail(CHECKS[code.upper()])
    rows = [
        CheckRow(each.code, each.severity.value, each.title, each.looks_at, each.advice)
        for own, each in sorted(CHECKS.items())
        if own.startswith("" if code is None else known_code(code))
    ]
    return ListingReport(
        "initcli.checks/1", listing(CHECK_COLUMNS, rows), plural(len(rows), "check")
    )


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
