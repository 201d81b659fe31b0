"""Which form a report is written in."""

from __future__ import annotations

import enum
import importlib
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
    HTML = "html"
    SVG = "svg"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"


_SUFFIXES = {
    "": Format.TABLE,
    ".txt": Format.TABLE,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".csv": Format.CSV,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".html": Format.HTML,
    ".svg": Format.SVG,
    ".xml": Format.JUNIT,
    ".sarif": Format.SARIF,
}
_STREAMERS = {
    Format.JSON: ("json_document", "json_pieces"),
    Format.JSONL: ("json_lines", "json_line_pieces"),
    Format.CSV: ("csv_sheet", "csv_pieces"),
    Format.MARKDOWN: ("markdown", "markdown_pieces"),
    Format.HTML: ("html", "html_pieces"),
    Format.SVG: ("svg", "svg_pieces"),
    Format.JUNIT: ("junit", "junit_pieces"),
    Format.SARIF: ("sarif", "sarif_pieces"),
    Format.GITHUB: ("github", "github_pieces"),
}
_CHECKPOINTS = (
    *(".safetensors", ".index.json", ".pt", ".pth", ".bin", ".ckpt", ".pkl", ".distcp"),
    *(".gguf", ".npy", ".npz", ".h5", ".hdf5", ".keras", ".onnx"),
)


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
    if form not in _STREAMERS:
        message = f"{form} is written for a screen"
        raise ValueError(message)
    module, function = _STREAMERS[form]
    chosen: Callable[[Report], Iterator[str]] = getattr(
        importlib.import_module(f"initcli.render.{module}"), function
    )
    return chosen
