"""Writes a report's table as an SVG picture of a terminal, as rich draws it."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from initcli.render.screen import Screen
from initcli.render.table import render_table
from initcli.reports.table import Report

_WIDTH = 120


def svg_pieces(report: Report) -> Iterator[str]:
    """Yields the picture, whole; the same report gives the same bytes."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=_WIDTH,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for line in render_table(report, Screen(_WIDTH, color=True)).splitlines():
        console.print(Text.from_ansi(line), overflow="fold", crop=False)
    yield console.export_svg(title="initcli", unique_id="initcli")
