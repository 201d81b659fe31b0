"""Writes a report as a table for people, fitted to the terminal's width."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from initcli.checks.finding import Finding, Severity
from initcli.core.text import visible
from initcli.render.cells import cell
from initcli.render.findings import beyond_most, place, ranked
from initcli.reports.table import Column, Form, Report, Row, Table

_UNLIMITED = 1_000_000
_GAP = 2
_URGENT = 100
_RIGHT = {Form.COUNT, Form.NUMBER}
_STYLES = {
    "ok": "green",
    "not checked": "yellow",
    "identical": "dim",
    "drawn": "green",
    "skipped": "yellow",
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.NOTE: "cyan",
}
_ALARMING = ("off", "changed", "differs", "only in")


@dataclass(frozen=True, slots=True)
class Screen:
    """What the table is written on.

    Attributes:
        width: Characters in a line; None for no limit.
        color: Whether it shows colour.
    """

    width: int | None = None
    color: bool = False


def render_table(report: Report, screen: Screen) -> str:
    """Returns the table, then findings and the verdict."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=screen.width or _UNLIMITED,
        force_terminal=screen.color,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in table_parts(report, screen.width):
        console.print(part, overflow="fold", crop=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def table_parts(report: Report, width: int | None) -> Iterator[RenderableType]:
    """Yields what rich prints: the table, then findings and the verdict."""
    columns = _fitting(report.table, width)
    if report.table.rows:
        yield _rich_table(report.table, columns)
    hidden = [column.key for column in report.table.columns if column not in columns]
    if hidden and report.table.rows:
        yield Text(f"not shown for want of width: {', '.join(hidden)}", style="dim")
    yield from _finding_texts(report.findings)
    yield Text(visible(report.verdict), style="bold" if report.passed else "bold red")


def _fitting(table: Table, width: int | None) -> tuple[Column, ...]:
    """Chooses the most telling columns that fit a line; the first always stays."""
    if width is None or table.wraps:
        return table.columns
    first, *others = table.columns
    chosen = {first}
    left = width - _width(table, first)
    for column in sorted(others, key=lambda column: -_weight(table, column)):
        needed = _GAP + _width(table, column)
        if needed <= left:
            chosen.add(column)
            left -= needed
    if len(chosen) == 1 and others:
        chosen.add(max(others, key=lambda column: _weight(table, column)))
    return tuple(column for column in table.columns if column in chosen)


def _weight(table: Table, column: Column) -> int:
    """What is urgent outweighs all else as soon as there is any of it."""
    is_urgent = column.is_urgent and any(getattr(row, column.key) for row in table.rows)
    return column.weight + (_URGENT if is_urgent else 0)


def _width(table: Table, column: Column) -> int:
    rows = [*table.rows, *([table.total] if table.total is not None else [])]
    cells = (cell_len(cell(column, getattr(row, column.key))) for row in rows)
    return max((cell_len(column.title), *cells))


def _rich_table(table: Table, columns: Sequence[Column]) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.form in _RIGHT else "left"
        is_first = table.wraps and column is columns[0]
        drawn.add_column(column.title, justify=justify, overflow="fold", no_wrap=is_first)
    for row in table.rows:
        drawn.add_row(*_cells(row, columns))
    if table.total is not None:
        drawn.add_section()
        drawn.add_row(*_cells(table.total, columns), style="bold")
    return drawn


def _cells(row: Row, columns: Sequence[Column]) -> list[Text]:
    texts = (cell(column, getattr(row, column.key)) for column in columns)
    return [Text(text, style=_style(text)) for text in texts]


def _style(text: str) -> str:
    if text.endswith(_ALARMING[:3]) or text.startswith(_ALARMING[3]):
        return "red"
    return _STYLES.get(text, "")


def _finding_texts(findings: Sequence[Finding]) -> Iterator[Text]:
    for finding in ranked(findings):
        yield Text.assemble(
            (f"{finding.severity.value:<7}", _STYLES[finding.severity]),
            f"  {finding.code}  {place(finding, findings)}: {visible(finding.message)}",
        )
    if last := beyond_most(findings):
        yield Text(last)
