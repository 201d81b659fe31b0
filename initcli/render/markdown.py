"""Writes a report as GitHub-flavoured Markdown, fit for a pull request's comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from initcli.core.text import visible
from initcli.render.cells import cell
from initcli.reports.table import Column, Form, Report, Row

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@-])")
_RIGHT = {Form.COUNT, Form.NUMBER}


def render_markdown(report: Report) -> str:
    """Returns the table, then findings, notes and the verdict."""
    columns = report.table.columns
    total = [report.table.total] if report.table.total is not None else []
    lines = [
        _line(column.title for column in columns),
        _line("---:" if column.form in _RIGHT else "---" for column in columns),
        *(_row(row, columns) for row in (*report.table.rows, *total)),
        "",
        *(
            f"- **{finding.severity.value}** {finding.code} {escaped(finding.tensor)}: "
            f"{escaped(finding.message)}"
            for finding in report.findings
        ),
        *(f"- note: {escaped(note)}" for note in report.notes),
        "",
        f"**{escaped(report.verdict)}**",
    ]
    return "\n".join(lines) + "\n"


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
