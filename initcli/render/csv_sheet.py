"""Writes a report's rows as CSV (RFC 4180) that a spreadsheet takes as data."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from initcli.core.text import starts_command, visible
from initcli.reports.table import Report
from initcli.statistics.portrait import Histogram

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Returning:
    """A file that hands back what is written to it, as the writer of csv then does too."""

    @staticmethod
    def write(text: str) -> str:
        return text


def csv_pieces(report: Report) -> Iterator[str]:
    """Yields a header and one line a row, numbers at full precision."""
    writer = csv.writer(_Returning(), lineterminator="\r\n")
    yield writer.writerow(report.table.keys)
    for record in report.table.records():
        yield writer.writerow([_field(value) for value in record.values()])


def _field(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "x".join(map(str, value)) or "scalar"
    if isinstance(value, str):
        return _defused(visible(value))
    if isinstance(value, list):
        return " ".join("null" if item is None else repr(item) for item in value)
    if isinstance(value, Histogram):
        return " ".join(map(str, value.counts))
    return repr(value)


def _defused(text: str) -> str:
    """Puts an apostrophe before what a spreadsheet or a CI runner would obey."""
    return f"'{text}" if text.startswith(_FORMULA) or starts_command(text) else text
