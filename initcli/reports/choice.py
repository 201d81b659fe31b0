"""Which columns a user asks to be shown, and by which rows are sorted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.reports.table import Column, Form, Row

# Weighs more than what a narrow terminal drops, as whoever asks for it wants to see it.
_ASKED = 97


def named_columns(columns: str | None, sort: str | None) -> set[str]:
    """Returns the columns that a user names, to be shown or to sort by."""
    keys = {key.strip() for key in (columns or "").split(",")}
    named = {key.removeprefix("+") for key in keys if not key.startswith("-")}
    return (named | {(sort or "").removeprefix("-")}) - {""}


def refuse_unknown(known: Sequence[Column], columns: str | None, sort: str | None = None) -> None:
    """Refuses keys that name no column, before any work is done for them.

    Raises:
        OptionError: A key names no column, or none that rows can be sorted by.
    """
    choose_columns(known, columns, lambda _: True)
    sort_rows((), known, sort)


def choose_columns(
    known: Sequence[Column], wanted: str | None, present: Callable[[Column], bool]
) -> tuple[Column, ...]:
    """Returns the columns a user asks for.

    Args:
        known: Every column there is, in the default order.
        wanted: Comma-separated keys, or `+key` and `-key` to change the default set.
        present: Whether a default column has anything to say here.

    Raises:
        OptionError: A key names no column.
    """
    keys = [key.strip() for key in wanted.split(",") if key.strip()] if wanted else []
    by_key = {column.key: column for column in known}
    changes = [key for key in keys if key.startswith(("+", "-"))]
    for key in keys:
        name = key[1:] if key in changes else key
        if name not in by_key:
            hint = did_you_mean(name, by_key) or "--help lists the columns"
            raise OptionError(f"unknown column {name!r}", hint=hint)
    if keys and not changes:
        return tuple(by_key[key] for key in dict.fromkeys(keys))
    if len(changes) < len(keys):
        raise OptionError("--columns either lists keys or changes the default with + and -")
    return _changed(known, set(changes), present)


def _changed(
    known: Sequence[Column], changes: set[str], present: Callable[[Column], bool]
) -> tuple[Column, ...]:
    chosen = tuple(
        replace(column, weight=max(column.weight, _ASKED))
        if f"+{column.key}" in changes
        else column
        for column in known
        if f"+{column.key}" in changes
        or (column.is_default and f"-{column.key}" not in changes and present(column))
    )
    if not chosen:
        raise OptionError("no column is left to show")
    return chosen


def sort_rows(rows: Iterable[Row], known: Sequence[Column], wanted: str | None) -> tuple[Row, ...]:
    """Sorts rows by a column: numbers largest first, text from A; `-key` reverses.

    Rows without a value in the column come last either way.

    Raises:
        OptionError: The key names no column, or one whose cells have no order.
    """
    if not wanted:
        return tuple(rows)
    key, is_reversed = wanted.removeprefix("-"), wanted.startswith("-")
    ordered = [column for column in known if column.form is not Form.HISTOGRAM]
    column = next((column for column in ordered if column.key == key), None)
    if column is None:
        keys = [column.key for column in ordered]
        hint = did_you_mean(key, keys) or "--help lists the columns"
        raise OptionError(f"cannot sort by {key!r}", hint=hint)
    rows = list(rows)
    absent = [row for row in rows if _is_absent(getattr(row, key))]
    present = [row for row in rows if not _is_absent(getattr(row, key))]
    descending = (column.form in {Form.COUNT, Form.NUMBER}) is not is_reversed
    present.sort(key=lambda row: getattr(row, key), reverse=descending)
    return (*present, *absent)


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
