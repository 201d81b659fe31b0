"""What checks are asked of two tensors, by the row that tells of them."""

from __future__ import annotations

from initcli.checks.difference import Difference
from initcli.reports.compare_row import CompareRow
from initcli.reports.compare_status import Status


def difference_of(row: CompareRow, checkpoint: str, reason: str = "") -> Difference:
    """Returns what a row says of two tensors, to be asked by checks.

    Args:
        row: The row.
        checkpoint: The path of the later checkpoint.
        reason: Why something that was asked for could not be found out.
    """
    has_both = row.shape_a is not None and row.shape_b is not None
    has_other_shape = row.status is Status.SHAPE
    has_other_dtype = row.within == "no" and not row.beyond and row.dtype_a != row.dtype_b
    has_other_bytes = row.within == "no" and row.beyond is None and not has_other_dtype
    is_compared = row.within is not None or not has_both or has_other_shape
    return Difference(
        checkpoint,
        row.name,
        _form(row.dtype_a, row.shape_a),
        _form(row.dtype_b, row.shape_b),
        row.parameters,
        row.beyond or 0,
        row.incomparable or 0,
        row.relative,
        row.factor,
        has_other_shape,
        has_other_dtype,
        reason if is_compared else f"{row.dtype_a} against {row.dtype_b}",
        has_other_bytes,
    )


def _form(dtype: str | None, shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else f"{dtype} {'×'.join(map(str, shape)) or 'scalar'}"
