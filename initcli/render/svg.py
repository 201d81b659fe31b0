"""Writes a report's table as an SVG picture of a terminal, as rich draws it."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from initcli.render.screen import Screen
from initcli.render.table import render_table
from initcli.reports.table import Report

_WIDTH = 120


def render_svg(report: Report) -> str:
    """Returns the picture; the same report gives the same bytes."""
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
    return console.export_svg(title="initcli", unique_id="initcli")
