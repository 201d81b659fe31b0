"""What `compare` found, told as the findings of a check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from initcli.checks.differences import Difference
from initcli.checks.registry import codes_of, run_checks
from initcli.core.text import plural
from initcli.reports.inquiry import Examined, Inquiry
from initcli.reports.table import Row


def inquiry_of_pairs(rows: Sequence[Row], checkpoint: str) -> Inquiry:
    """Returns what was asked of every name, and where the two checkpoints differ.

    Args:
        rows: One a name, each a `CompareRow`.
        checkpoint: The path of the second, which is held against the first.
    """
    codes = codes_of(Difference)
    examined = tuple(Examined(checkpoint, row.name, codes) for row in rows)
    asked = (Difference(checkpoint, row.name, beyond_tolerance(row)) for row in rows)
    return Inquiry(codes, examined, tuple(run_checks(asked)))


def beyond_tolerance(row: Row) -> str:
    """Says how two tensors differ beyond tolerance; empty if they do not."""
    if not row.is_difference:
        return ""
    return ": ".join(filter(None, (str(row.status), ", ".join(_numbers(row)))))


def _numbers(row: Row) -> Iterator[str]:
    if row.shape_a is not None and row.shape_b is not None and row.shape_a != row.shape_b:
        yield row.shape
    if row.dtype_a is not None and row.dtype_b is not None and row.dtype_a != row.dtype_b:
        yield row.dtype
    if row.beyond:
        yield f"{row.beyond:,} of {plural(row.parameters, 'value')} beyond tolerance"
    if row.incomparable:
        yield f"{row.incomparable:,} NaN or infinite on one side"
    elif row.max_abs is not None:
        yield f"max |a − b| {row.max_abs:.4g}"
