"""What `compare` found, told as the findings of checks."""

from __future__ import annotations

from collections.abc import Sequence

from initcli.checks.difference import Difference
from initcli.checks.registry import codes_of, run_checks
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
    asked = (difference_of(row, checkpoint) for row in rows)
    return Inquiry(codes, examined, tuple(run_checks(asked)))


def difference_of(row: Row, checkpoint: str) -> Difference:
    """Returns what a row says of two tensors, to be asked by checks."""
    has_both = row.shape_a is not None and row.shape_b is not None
    has_other_shape = has_both and row.shape_a != row.shape_b
    has_other_dtype = row.within == "no" and not row.beyond and row.dtype_a != row.dtype_b
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
        None,
        has_other_shape,
        has_other_dtype,
        "" if is_compared else f"{row.dtype_a} against {row.dtype_b}",
    )


def _form(dtype: str | None, shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else f"{dtype} {'×'.join(map(str, shape)) or 'scalar'}"
