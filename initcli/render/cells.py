"""How one value is written for people."""

from __future__ import annotations

from collections.abc import Callable

from initcli.core.text import inert, visible
from initcli.reports.table import Column, Form
from initcli.statistics.portrait import Histogram

_SIGNIFICANT = 4
_MOST_SIDES = 16
_BARS = " ▁▂▃▄▅▆▇█"
_SPEC = f".{_SIGNIFICANT}g"


def cell(column: Column, value: object) -> str:
    """Writes a value under a column; an absent one is empty.

    Numbers keep significant digits, so that 3e-6 never reads 0.0000.
    """
    return writer(column)(value)


def writer(column: Column) -> Callable[[object], str]:
    """Returns what writes the values of a column, so that it is chosen once for all rows."""
    return _WRITERS[column.form]


def bars(histogram: Histogram) -> str:
    """Draws a bar a bin, the fullest at full height; any value at all shows, none leaves a gap.

    >>> bars(Histogram(0.0, 1.0, (1, 0, 50, 100)))
    '▁ ▄█'
    """
    most = max(histogram.counts, default=0)
    return "".join(
        _BARS[-(-count * (len(_BARS) - 1) // most)] if most else _BARS[0]
        for count in histogram.counts
    )


def number(value: float) -> str:
    """Writes a number in four significant digits.

    >>> number(3e-6), number(0.0), number(1234567.0)
    ('3e-06', '0', '1.235e+06')
    """
    if isinstance(value, int) and abs(value) < 10**_SIGNIFICANT:
        return str(value)
    return format(value, _SPEC)


def _text(value: object) -> str:
    # Any cell may come to start a line; escaped before widths are taken, columns stay aligned.
    return "" if value is None else inert(visible(str(value)))


def _shape(value: object) -> str:
    if not isinstance(value, tuple):
        return _text(value)
    shown = "×".join(map(str, value[:_MOST_SIDES])) or "scalar"
    return f"{shown}×… ({len(value):,} sides)" if len(value) > _MOST_SIDES else shown


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else _text(value)


def _number(value: object) -> str:
    return number(value) if isinstance(value, int | float) else _text(value)


def _histogram(value: object) -> str:
    return bars(value) if isinstance(value, Histogram) else _text(value)


_WRITERS = {
    Form.TEXT: _text,
    Form.SHAPE: _shape,
    Form.COUNT: _count,
    Form.NUMBER: _number,
    Form.HISTOGRAM: _histogram,
}
