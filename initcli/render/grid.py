"""Draws a table in lines of aligned cells, a row a line, whatever the number of rows.

rich measures, wraps and styles every cell by itself, at 1.5 ms a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest

from rich.cells import chop_cells

from initcli.render.columns import GAP, Written, narrowed, width_of
from initcli.render.paint import Paint, outcome_style, plain
from initcli.reports.table import Column, Form

_RULE = "─"
_RIGHT = {Form.COUNT, Form.NUMBER}
_OUTCOMES = {"action", "status", "verdict"}


def grid_lines(columns: Sequence[Written], room: int | None, paint: Paint) -> Iterator[str]:
    """Yields a table's lines: header, rule, rows, and the total apart from them.

    Args:
        columns: What to show.
        room: Places in a line; a cell that is too wide goes on below. None for no limit.
        paint: How styles are put on.
    """
    widths = narrowed([one.width for one in columns], room)
    pens = [_pen(one.column, width, paint) for one, width in zip(columns, widths, strict=True)]
    dull = [_pen(one.column, width, plain) for one, width in zip(columns, widths, strict=True)]
    heads = [[one.column.title] for one in columns]
    totals = [[one.total] for one in columns if one.total is not None]
    yield from (paint(line, "bold") for line in _lines(heads, dull, widths))
    yield _RULE * (sum(widths) + GAP * (len(widths) - 1))
    yield from _lines([one.cells for one in columns], pens, widths)
    if totals:
        yield ""
        yield from (paint(line, "bold") for line in _lines(totals, dull, widths))


Pen = Callable[[str], list[str]]
"""Draws one cell of a column: a line, or several if it must be folded."""


def _pen(column: Column, width: int, paint: Paint) -> Pen:
    justify = str.rjust if column.form in _RIGHT else str.ljust
    is_outcome = column.key in _OUTCOMES

    def aligned(text: str) -> str:
        # Python justifies by characters, of which some take two places.
        return justify(text, width + len(text) - width_of(text))

    def draw(text: str) -> list[str]:
        pieces = [aligned(piece) for piece in folded(text, width)]
        style = outcome_style(text) if is_outcome else ""
        return [paint(piece, style) for piece in pieces] if style else pieces

    return draw


def _lines(
    cells: Iterable[Sequence[str]], pens: Sequence[Pen], widths: Sequence[int]
) -> Iterator[str]:
    """Yields the lines of rows whose cells are given column by column."""
    gap = " " * GAP
    for row in zip(*map(map, pens, cells), strict=True):
        for pieces in zip_longest(*row):
            drawn = (piece or " " * width for piece, width in zip(pieces, widths, strict=True))
            yield gap.join(drawn).rstrip()


def folded(text: str, width: int) -> list[str]:
    """Cuts a text into pieces of at most a width.

    >>> folded("layers.0.weight", 8)
    ['layers.0', '.weight']
    """
    if width_of(text) <= width:
        return [text]
    if text.isascii():
        return [text[start : start + width] for start in range(0, len(text), width)]
    return chop_cells(text, width)
