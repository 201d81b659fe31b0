"""Which form a report is written in."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from initcli.core.errors import OutputError
from initcli.core.text import visible

if TYPE_CHECKING:
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
    "": Format.TABLE,
    ".txt": Format.TABLE,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".csv": Format.CSV,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".svg": Format.SVG,
}
_CHECKPOINTS = (".safetensors", ".index.json", ".pt", ".pth", ".bin", ".ckpt", ".gguf", ".npz")


def format_for(path: Path, wanted: Format | None) -> Format:
    """Returns the form asked for, or else that which a file name's ending implies.

    Raises:
        OutputError: The name is a checkpoint's, or implies nothing.
    """
    where = visible(str(path), 300)
    if path.name.lower().endswith(_CHECKPOINTS):
        raise OutputError("a report would stand under a checkpoint's name", where=where)
    form = wanted or _SUFFIXES.get(path.suffix.lower())
    if form is None:
        hint = f"end it in {', '.join(filter(None, _SUFFIXES))}, or give --format"
        raise OutputError("the name implies no form of output", where=where, hint=hint)
    return form


def renderer(form: Format) -> Callable[[Report], str]:
    """Returns what writes a whole report in a form other than the table."""
    pieces = streamer(form)
    return lambda report: "".join(pieces(report))


def streamer(form: Format) -> Callable[[Report], Iterator[str]]:
    """Returns what writes a report piece by piece, so that none is ever held whole.

    The table is not among them; and only the form asked for is imported.
    """
    if form is Format.JSON:
        from initcli.render.json_document import json_pieces as chosen
    elif form is Format.JSONL:
        from initcli.render.json_lines import json_line_pieces as chosen
    elif form is Format.CSV:
        from initcli.render.csv_sheet import csv_pieces as chosen
    elif form is Format.MARKDOWN:
        from initcli.render.markdown import markdown_pieces as chosen
    elif form is Format.SVG:
        from initcli.render.svg import svg_pieces as chosen
    else:
        message = f"{form} is written for a screen"
        raise ValueError(message)
    return chosen
