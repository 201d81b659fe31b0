"""Writes a report's rows as JSON, one object a line."""

from __future__ import annotations

from initcli.render.json_document import encode, plain
from initcli.reports.table import Report


def render_json_lines(report: Report) -> str:
    """Returns one line a row."""
    return "".join(f"{encode(plain(record))}\n" for record in report.table.records())
