"""From what was measured of two checkpoints to rows, and the table of those to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from initcli.commands.comparing.details import DetailRequest
from initcli.commands.comparing.groups import check_shown, group_table, grouped
from initcli.commands.comparing.measure import Measured
from initcli.commands.comparing.tolerance import Tolerances
from initcli.reports.choice import choose_columns, sort_rows
from initcli.reports.compare_columns import COLUMNS
from initcli.reports.compare_row import CompareRow, compare_row
from initcli.reports.compare_status import SAME
from initcli.reports.table import Column, Table
from initcli.statistics.pair import Distance


@dataclass(frozen=True, slots=True)
class Shown:
    """Which rows and columns of a comparison are shown.

    Attributes:
        columns: Comma-separated keys, or `+key,-key` to change the default.
        sort: A column; `-column` reverses.
        top: How many rows.
        by: What rows are pooled by.
        only_changed: Whether to leave out what is the same.
        spectrum: Whether the columns of spectra are asked for.
    """

    columns: str | None = None
    sort: str | None = None
    top: int | None = None
    by: str | None = None
    only_changed: bool = False
    spectrum: bool = False

    def check(self) -> None:
        """Refuses keys that name no column, and what cannot be pooled.

        Raises:
            OptionError: There is such a thing.
        """
        check_shown(self.columns, self.sort, self.by, spectrum=self.spectrum)

    def table(
        self,
        rows: Sequence[CompareRow],
        distances: Mapping[str, Distance],
        request: DetailRequest,
    ) -> Table:
        """Returns the table of what is to be shown."""
        if self.by is not None:
            pools = grouped(rows, distances, self.by)
            shown_pools = [row for row in pools if row.is_difference or not self.only_changed]
            return group_table(shown_pools, self.columns, self.sort, self.top)
        if self.only_changed:
            rows = [row for row in rows if row.is_difference or row.status not in SAME]
        shown = choose_columns(COLUMNS, self.columns, lambda column: _is_present(column, rows))
        # For people both sides share a column; machines get them apart.
        hidden = {"shape", "dtype", *request.unmeasured_keys}
        apart = [column for column in COLUMNS if column.key not in hidden]
        keys = tuple(column.key for column in (shown if self.columns else apart))
        return Table(shown, sort_rows(rows, COLUMNS, self.sort)[: self.top], keys)


def _is_present(column: Column, rows: Sequence[CompareRow]) -> bool:
    if not rows:
        return not column.is_urgent
    values = [getattr(row, column.key) for row in rows]
    return any(values) if column.is_urgent else any(value is not None for value in values)


def row_of(each: Measured, tolerances: Tolerances, *, check_dtype: bool) -> CompareRow:
    """Returns the row of what was measured."""
    row = compare_row(
        each.a,
        each.b,
        each.pair,
        allow_cast=_allows_cast(each, tolerances),
        check_dtype=check_dtype,
    )
    if each.way is None:
        return replace(row, name_b=each.joined.name_b)
    return replace(
        row,
        name=each.way.name,
        name_b=None if each.way.name_b == each.way.name else each.way.name_b,
        matched=each.way.told,
        shape_a=each.way.a.shape,
        shape_b=each.way.b.shape,
    )


def _allows_cast(each: Measured, tolerances: Tolerances) -> bool:
    a, b = each.a.spec, each.b.spec
    if a is None or b is None:
        return False
    return tolerances.tolerance_for(each.joined.known_as, a.dtype, b.dtype).cast
