"""Writes a report as GitHub-flavoured Markdown, fit for a pull request's comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from initcli.core.text import visible
from initcli.render.cells import cell
from initcli.reports.table import Column, Form, Report, Row

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@-])")
_RIGHT = {Form.COUNT, Form.NUMBER}


def markdown_pieces(report: Report) -> Iterator[str]:
    """Yields the table, then findings, notes and the verdict, line by line."""
    for line in _lines(report):
        yield f"{line}\n"


def _lines(report: Report) -> Iterator[str]:
    columns = report.table.columns
    yield _line(column.title for column in columns)
    yield _line("---:" if column.form in _RIGHT else "---" for column in columns)
    for row in report.table.rows:
        yield _row(row, columns)
    if report.table.total is not None:
        yield _row(report.table.total, columns)
    yield ""
    for finding in report.told:
        what = f"{escaped(finding.tensor)}: {escaped(finding.message)}"
        yield f"- **{finding.severity.value}** {finding.code} {what}"
    for note in report.notes:
        yield f"- note: {escaped(note)}"
    yield ""
    yield f"**{escaped(report.verdict)}**"


def escaped(text: str) -> str:
    """Escapes everything that Markdown, HTML or a mention could be made of."""
    return _SPECIAL.sub(r"\\\1", visible(text)).replace("\\<", "&lt;").replace("\\@", "&#64;")


def _row(row: Row, columns: Sequence[Column]) -> str:
    return _line(_cell(column, getattr(row, column.key)) for column in columns)


def _cell(column: Column, value: object) -> str:
    text = cell(column, value)
    return escaped(text) if column.form is Form.TEXT else text


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
