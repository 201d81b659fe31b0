"""Writes findings as commands to GitHub's runner, which shows them as annotations.

It is the one form that holds commands; a name in it is escaped by the runner's own rules
(actions/toolkit, packages/core/src/command.ts), and cannot end a command or begin one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from initcli.checks.finding import Finding, Severity
from initcli.checks.registry import CHECKS
from initcli.core.text import inert, plural, visible
from initcli.render.findings import told
from initcli.render.markdown import escaped, markdown_pieces
from initcli.reports.table import Report

MOST = 10
"""How many annotations of a level GitHub shows of a step."""

SUMMARY_LIMIT = 1 << 20
"""How many bytes GitHub takes as a step's summary."""

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_LONGEST = 4000


def github_pieces(report: Report) -> Iterator[str]:
    """Yields an annotation a finding, heaviest first, then notes and the verdict as plain lines."""
    findings = report.inquiry.findings
    for severity, command in _COMMANDS.items():
        weighing = [each for each in findings if _weight(each) is severity]
        yield from _annotations(command, weighing)
    for line in (*report.notes, report.verdict):
        yield f"{inert(visible(line))}\n"


def summary(report: Report, room: int) -> str:
    """Returns what a step's summary can hold: the Markdown form, or its most telling lines.

    Args:
        report: What the command found.
        room: The bytes that it may take.
    """
    whole = _within(markdown_pieces(report), room)
    if whole is not None:
        return whole
    return _within(_digest(report), room) or ""


def _weight(finding: Finding) -> Severity:
    return Severity.NOTE if finding.known else finding.severity


def _annotations(command: str, findings: Sequence[Finding]) -> Iterator[str]:
    """Yields as many annotations as are shown; the last stands for those that are not."""
    shown = findings if len(findings) <= MOST else findings[: MOST - 1]
    for finding in shown:
        yield _annotation(command, finding)
    if more := len(findings) - len(shown):
        text = f"and {more:,} more; GitHub shows {MOST} a step, and other forms have them all"
        yield f"::{command} title=initcli::{_data(text)}\n"


def _annotation(command: str, finding: Finding) -> str:
    known = ", known to the baseline" if finding.known else ""
    title = _property(f"{finding.code} {CHECKS[finding.code].title}{known}")
    file = f"file={_property(finding.checkpoint)}," if finding.checkpoint else ""
    where = f"{finding.tensor}: " if finding.tensor else ""
    return f"::{command} {file}title={title}::{_data(f'{where}{finding.message}')}\n"


def _data(text: str) -> str:
    shown = visible(text, _LONGEST)
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _within(pieces: Iterable[str], room: int) -> str | None:
    """Joins pieces; returns None, and looks at no more of them, if they take too many bytes."""
    held, size = list[str](), 0
    for piece in pieces:
        size += len(piece.encode("utf-8", "backslashreplace"))
        if size > room:
            return None
        held.append(piece)
    return "".join(held)


def _digest(report: Report) -> Iterator[str]:
    yield f"**{escaped(visible(report.verdict, _LONGEST))}**\n\n"
    for finding, what in told(report.inquiry.findings, names_checkpoints=False):
        line = escaped(visible(what, _LONGEST))
        yield f"- **{finding.severity.value}** {finding.code} {line}\n"
    rows = plural(len(report.table.rows), "row")
    yield f"\n{rows} are more than a summary holds; `-o markdown:FILE` has them all\n"
