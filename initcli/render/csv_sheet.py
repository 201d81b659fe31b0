"""Writes a report's rows as CSV (RFC 4180) that a spreadsheet takes as data."""

from __future__ import annotations

import csv
import io

from initcli.core.text import visible
from initcli.reports.table import Report
from initcli.statistics.portrait import Histogram

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(report: Report) -> str:
    """Returns a header and one line a row, numbers at full precision."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(report.table.keys)
    for record in report.table.records():
        writer.writerow([_field(value) for value in record.values()])
    return file.getvalue()


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "x".join(map(str, value)) or "scalar"
    if isinstance(value, str):
        return _defused(visible(value))
    if isinstance(value, Histogram):
        return " ".join(map(str, value.counts))
    return repr(value)


def _defused(text: str) -> str:
    """Puts an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
