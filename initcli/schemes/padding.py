"""Embeddings of which one row stands for nothing, and is zero."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from initcli.core.tensor import Shape
from initcli.schemes import law as laws
from initcli.schemes.layout import UnfitError
from initcli.schemes.registry import Draw, Grain

if TYPE_CHECKING:
    import torch


def with_zero_row(draw: Draw, shape: Shape, row: int) -> Draw:
    """Returns a draw after which one row is zero, as `nn.Embedding(padding_idx=row)` leaves it.

    Args:
        draw: How all rows are drawn; around zero.
        shape: Of the tensor, rows first.
        row: Which; a negative one counts from the end.

    Raises:
        UnfitError: There is no such row.
    """
    rows = shape[0] if shape else 0
    if not -rows <= row < rows:
        raise UnfitError(f"it has {rows} rows, and row {row} should be zero")

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        draw.fill(tensor if draw.grain is Grain.WHOLE else tensor.view(-1), generator)
        return tensor[row].zero_()

    law = laws.with_zeros(draw.law, 1 / rows, zeros_per_column=1)
    return replace(draw, law=law, fill=fill, grain=Grain.WHOLE)
