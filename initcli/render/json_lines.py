"""Writes a report's rows as JSON, one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from initcli.render.json_document import encode, plain
from initcli.reports.table import Report


def json_line_pieces(report: Report) -> Iterator[str]:
    """Yields one line a row."""
    for record in report.table.records():
        yield f"{encode(plain(record))}\n"
