"""Writes a report as a table for people, fitted to the terminal's width."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from initcli.checks.finding import Severity
from initcli.core.text import inert, visible
from initcli.render.columns import fitting, written
from initcli.render.findings import beyond_most, told
from initcli.render.grid import grid_lines
from initcli.render.paint import coloured, plain
from initcli.render.prose import printed
from initcli.render.screen import Screen
from initcli.reports.table import Report, Table

_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "cyan",
}


def render_table(report: Report, screen: Screen) -> str:
    """Returns the table, then findings and the verdict."""
    return "".join(table_pieces(report, screen))


def table_pieces(report: Report, screen: Screen) -> Iterator[str]:
    """Yields the same line by line."""
    for line in _lines(report, screen):
        # Folding and wrapping may put any part of a name first.
        yield f"{inert(line)}\n"


def _lines(report: Report, screen: Screen) -> Iterator[str]:
    draw = _wrapped if report.table.wraps else _fitted
    if report.table.rows:
        yield from draw(report.table, screen)
    yield from printed(_remarks(report), screen)


def _wrapped(table: Table, screen: Screen) -> Iterator[str]:
    from initcli.render.wrapped import wrapped_table

    yield from printed([wrapped_table(table)], screen)


def _fitted(table: Table, screen: Screen) -> Iterator[str]:
    """Yields the lines of the columns that fit, and names those that do not."""
    columns = written(table)
    shown = fitting(columns, screen.width)
    yield from grid_lines(shown, screen.width, coloured if screen.color else plain)
    hidden = [one.column.key for one in columns if one not in shown]
    if hidden:
        missing = f"not shown for want of width: {', '.join(hidden)}"
        yield from printed([Text(missing, style="dim")], screen)


def _remarks(report: Report) -> Iterator[Text]:
    """Yields what stands below the table: findings and the verdict."""
    yield from _finding_texts(report)
    yield Text(visible(report.verdict), style="bold" if report.passed else "bold red")


def _finding_texts(report: Report) -> Iterator[Text]:
    for finding, what in told(report.told, names_checkpoints=report.has_several):
        severity = (f"{finding.severity.value:<7}", _STYLES[finding.severity])
        yield Text.assemble(severity, f"  {finding.code}  {what}")
    if last := beyond_most(report.told):
        yield Text(last)
