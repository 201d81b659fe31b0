"""Writes a report's table as an SVG picture of a terminal, as rich draws it."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from initcli.render.screen import Screen
from initcli.render.table import render_table
from initcli.reports.table import Report

_LEAST_WIDTH = 80


def svg_pieces(report: Report) -> Iterator[str]:
    """Yields the picture, whole, as wide as its lines; the same report gives the same bytes."""
    lines = [Text.from_ansi(line) for line in render_table(report, Screen(color=True)).splitlines()]
    console = Console(
        file=io.StringIO(),
        record=True,
        width=max(_LEAST_WIDTH, *(line.cell_len for line in lines)),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, overflow="fold", crop=False)
    yield console.export_svg(title="initcli", unique_id="initcli")
