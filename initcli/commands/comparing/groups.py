"""Pools the rows of `compare` by layer or by role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.recipes.places import layers_by_name, roles_by_name
from initcli.reports.choice import choose_columns, refuse_unknown, sort_rows
from initcli.reports.compare_columns import COLUMNS, GROUP_COLUMNS
from initcli.reports.compare_groups import GroupRow, group_rows
from initcli.reports.compare_row import CompareRow
from initcli.reports.table import Column, Table
from initcli.statistics.pair import Distance

GROUPS = {"layer": layers_by_name, "role": roles_by_name}


def check_shown(columns: str | None, sort: str | None, by: str | None, *, spectrum: bool) -> None:
    """Refuses what cannot be shown before anything is read for it.

    Raises:
        OptionError: Nothing is pooled so, or a key names no column of what is shown.
    """
    if by is None:
        refuse_unknown(COLUMNS, columns, sort)
        return
    if by not in GROUPS:
        hint = did_you_mean(by, GROUPS) or f"one of {', '.join(GROUPS)}"
        raise OptionError(f"cannot group by {by!r}", hint=hint)
    if spectrum:
        raise OptionError("--spectrum is of single tensors only, and --by pools them")
    refuse_unknown(GROUP_COLUMNS, columns, sort)


def grouped(
    rows: Sequence[CompareRow], distances: Mapping[str, Distance], by: str
) -> tuple[GroupRow, ...]:
    """Pools rows by one of `GROUPS`."""
    return group_rows(rows, distances, GROUPS[by](row.name for row in rows))


def group_table(
    rows: Sequence[GroupRow], columns: str | None, sort: str | None, top: int | None
) -> Table:
    """Returns the table of pooled rows."""

    def is_present(column: Column) -> bool:
        values = [getattr(row, column.key) for row in rows]
        return any(values) if column.is_urgent else True

    shown = choose_columns(GROUP_COLUMNS, columns, is_present)
    keys = tuple(column.key for column in (shown if columns else GROUP_COLUMNS))
    return Table(shown, sort_rows(rows, GROUP_COLUMNS, sort)[:top], keys)
