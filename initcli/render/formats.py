"""Which form a report is written in."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path

from initcli.reports.table import Report


class Format(enum.StrEnum):
    """A form of output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    SVG = "svg"


_SUFFIXES = {
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".csv": Format.CSV,
    ".md": Format.MARKDOWN,
    ".svg": Format.SVG,
}


def format_for(path: Path | None) -> Format:
    """Returns the form that a file name's ending implies; without one, a table."""
    return _SUFFIXES.get(path.suffix.lower(), Format.TABLE) if path else Format.TABLE


def renderer(form: Format) -> Callable[[Report], str]:
    """Returns the renderer of a form other than the table; only the one asked for is imported."""
    if form is Format.JSON:
        from initcli.render.json_document import render_json as chosen
    elif form is Format.JSONL:
        from initcli.render.json_lines import render_json_lines as chosen
    elif form is Format.CSV:
        from initcli.render.csv_sheet import render_csv as chosen
    elif form is Format.MARKDOWN:
        from initcli.render.markdown import render_markdown as chosen
    elif form is Format.SVG:
        from initcli.render.svg import render_svg as chosen
    else:
        message = f"{form} is written for a screen"
        raise ValueError(message)
    return chosen
