"""What `stats` shows of what it observed: rows, groups of them, and their table."""

from __future__ import annotations

from collections.abc import Sequence

from initcli.checks.finding import Finding
from initcli.checks.observation import Observation
from initcli.commands.observing.request import Request, Show
from initcli.reports.choice import choose_columns, sort_rows
from initcli.reports.describe import pooled_row, tensor_row
from initcli.reports.table import Column, Table
from initcli.reports.tensor_columns import COLUMNS, UNPOOLED_KEYS
from initcli.reports.tensor_row import TensorRow

GROUPS = ("layer", "dtype")


def described(seen: Sequence[Observation], findings: Sequence[Finding]) -> tuple[TensorRow, ...]:
    """Returns a row a tensor, with the codes of what was found of it."""
    codes: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        codes.setdefault((finding.checkpoint, finding.tensor), []).append(finding.code)
    return tuple(
        tensor_row(one, findings=" ".join(codes.get((one.checkpoint, one.spec.name), ())) or None)
        for one in seen
    )


def grouped(seen: Sequence[Observation], by: str) -> tuple[TensorRow, ...]:
    """Returns a row a group of each checkpoint: one of `GROUPS`."""
    groups: dict[tuple[str, str], list[Observation]] = {}
    for one in seen:
        key = one.spec.dtype_name if by == "dtype" else one.spec.name.rpartition(".")[0]
        groups.setdefault((one.checkpoint, key or "(top)"), []).append(one)
    return tuple(
        pooled_row(name, group, checkpoint) for (checkpoint, name), group in groups.items()
    )


def table_of(rows: Sequence[TensorRow], total: TensorRow, request: Request, show: Show) -> Table:
    """Returns the rows to show under the columns to show."""
    checkpoints = {row.checkpoint for row in rows}

    def is_present(column: Column) -> bool:
        if column.key == "checkpoint":
            return len(checkpoints) > 1
        always = column.key in {"name", "mean", "std"}
        return always or any(getattr(row, column.key) is not None for row in rows)

    shown = choose_columns(COLUMNS, show.columns, is_present)
    empty = UNPOOLED_KEYS if show.by else request.unmeasured_keys
    every = [each for each in COLUMNS if each.key not in empty]
    keys = tuple(column.key for column in (shown if show.columns else every))
    return Table(shown, sort_rows(rows, COLUMNS, show.sort)[: show.top], keys, total)
