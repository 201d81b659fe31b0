"""Embeddings of which one row stands for nothing, and is zero."""

from __future__ import annotations

import math
from dataclasses import replace

from initcli.core.tensor import Shape
from initcli.schemes import law as laws
from initcli.schemes.law import Fixed
from initcli.schemes.layout import UnfitError
from initcli.schemes.registry import Draw
from initcli.schemes.structure import ZeroRun


def with_zero_row(draw: Draw, shape: Shape, row: int) -> Draw:
    """Returns a draw after which one row is zero, as `nn.Embedding(padding_idx=row)` leaves it.

    Args:
        draw: How all rows are drawn; around zero.
        shape: Of the tensor, rows first.
        row: Which; a negative one counts from the end.

    Raises:
        UnfitError: There is no such row, or what is drawn is not random around zero.
    """
    rows = shape[0] if shape else 0
    if not -rows <= row < rows:
        raise UnfitError(f"it has {rows} rows, and row {row} should be zero")

    if draw.law.mean or draw.law.fixed is not Fixed.NOTHING:
        raise UnfitError("only a row among random values around zero can be told to be zero")
    length = math.prod(shape[1:])
    first = row % rows * length
    law = laws.with_zeros(draw.law, 1 / rows, ZeroRun(first, length))
    return replace(draw, law=law, zeroed=(first, length))
