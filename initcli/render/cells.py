"""How one value is written for people."""

from __future__ import annotations

from initcli.core.text import visible
from initcli.reports.table import Column, Form
from initcli.statistics.distribution import Histogram

_SIGNIFICANT = 4
_BARS = " ▁▂▃▄▅▆▇█"


def cell(column: Column, value: object) -> str:
    """Writes a value under a column; an absent one is empty.

    Numbers keep significant digits, so that 3e-6 never reads 0.0000.
    """
    if value is None:
        return ""
    if column.form is Form.SHAPE and isinstance(value, tuple):
        return "×".join(map(str, value)) or "scalar"
    if column.form is Form.COUNT and isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Histogram):
        return bars(value)
    if column.form is Form.NUMBER and isinstance(value, int | float):
        return number(value)
    return visible(str(value))


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
    return f"{value:.{_SIGNIFICANT}g}"
