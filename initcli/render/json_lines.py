"""Writes a report's rows as JSON, one object a line."""

from __future__ import annotations

import json

from initcli.render.json_document import plain
from initcli.reports.table import Report


def render_json_lines(report: Report) -> str:
    """Returns one line a row."""
    records = report.table.records()
    return "".join(json.dumps(plain(record), allow_nan=False) + "\n" for record in records)
