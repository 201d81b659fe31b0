"""Checkpoints to be joined, written by safetensors itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from initcli.reports.compare import CompareReport
from initcli.reports.compare_row import CompareRow


def saved(path: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    """Writes tensors, each with values of its own though modules may share them."""
    save_file({name: each.detach().clone().contiguous() for name, each in tensors.items()}, path)
    return path


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return values.to(dtype)


def rows(report: CompareReport) -> dict[str, CompareRow]:
    return {row.name: row for row in report.rows}


def told(report: CompareReport) -> dict[str, tuple[str | None, str, str | None]]:
    """Returns every row's name in B, status, and how it was compared."""
    return {row.name: (row.name_b, row.status.value, row.matched) for row in report.rows}
