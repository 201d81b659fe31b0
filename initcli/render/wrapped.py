"""Draws a table of prose, whose cells are wrapped between words to fit a terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from initcli.render.cells import cell
from initcli.reports.table import Table


def wrapped_table(table: Table) -> RichTable:
    """Returns what rich prints; names stay whole.

    It takes rich 1.5 ms a row, so it is for lists that are written by hand.
    """
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        is_first = column is table.columns[0]
        drawn.add_column(column.title, overflow="fold", no_wrap=is_first)
    for row in table.rows:
        drawn.add_row(*(Text(cell(each, getattr(row, each.key))) for each in table.columns))
    return drawn
