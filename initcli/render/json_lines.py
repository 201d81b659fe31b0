"""Writes a report's rows as JSON, one object a line."""

from __future__ import annotations

import json

from initcli.render.json_document import plain
from initcli.reports.table import Report


def render_json_lines(report: Report) -> str:
    """Returns one line a row, each with the codes of what was found at its tensor."""
    codes: dict[tuple[str, str], list[str]] = {}
    for finding in report.findings:
        codes.setdefault((finding.checkpoint, finding.tensor), []).append(finding.code)
    lines = []
    for row, record in zip(report.table.rows, report.table.records(), strict=True):
        if report.findings:
            key = (getattr(row, "checkpoint", ""), getattr(row, "name", ""))
            record["findings"] = codes.get(key, [])
        lines.append(json.dumps(plain(record), allow_nan=False) + "\n")
    return "".join(lines)
