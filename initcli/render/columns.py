"""A table's columns with all their cells written, and which of them fit a line.

A table is written column by column: what depends on the column alone is settled once, and a
hundred thousand rows take a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from rich.cells import cell_len

from initcli.render.cells import writer
from initcli.reports.table import Column, Table

GAP = 2
_URGENT = 100


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A column and its cells as text.

    Attributes:
        column: What is known of it.
        cells: One a row.
        total: The cell of the total; None if the table has none.
        width: The places that the widest of them takes, or the title.
    """

    column: Column
    cells: Sequence[str]
    total: str | None
    width: int

    @property
    def weight(self) -> int:
        """How telling it is; what is urgent outweighs all else as soon as there is any of it."""
        is_urgent = self.column.is_urgent and not {"", "0"}.issuperset(self.cells)
        return self.column.weight + (_URGENT if is_urgent else 0)


def written(table: Table) -> list[Written]:
    """Writes every cell of a table."""
    return [_written(column, table) for column in table.columns]


def _written(column: Column, table: Table) -> Written:
    write, value = writer(column), attrgetter(column.key)
    cells = [write(value(row)) for row in table.rows]
    total = None if table.total is None else write(value(table.total))
    width = max(map(width_of, (column.title, total or "", *cells)))
    return Written(column, cells, total, width)


def width_of(text: str) -> int:
    """Returns how many places a text takes on a screen, where some characters take two."""
    return len(text) if text.isascii() else cell_len(text)


def fitting(columns: Sequence[Written], room: int | None) -> list[Written]:
    """Chooses the most telling columns that fit a line; the first always stays.

    Args:
        columns: All there are.
        room: The places in a line; None for no limit.
    """
    if room is None:
        return list(columns)
    first, *others = columns
    ranked = sorted(others, key=lambda one: -one.weight)
    chosen, left = [first], room - first.width
    for one in ranked:
        if GAP + one.width <= left:
            chosen.append(one)
            left -= GAP + one.width
    if len(chosen) == 1:
        chosen += ranked[:1]
    return [one for one in columns if one in chosen]


def narrowed(widths: Sequence[int], room: int | None) -> list[int]:
    """Returns widths that fit a line, of which only the widest were cut, and alike.

    >>> narrowed([40, 8, 30], 48)
    [18, 8, 18]
    """
    left = sum(widths) if room is None else room - GAP * (len(widths) - 1)
    ascending = sorted(widths)
    for place, width in enumerate(ascending):
        share = left // (len(widths) - place)
        if width > share:
            return [min(each, max(1, share)) for each in widths]
        left -= width
    return list(widths)
