"""What a report says, by name, and checkpoints of any dtype to report on."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from initcli.reports.stats import StatsReport
from initcli.reports.tensor_row import TensorRow


def by_name(report: StatsReport) -> dict[str, TensorRow]:
    return {row.name: row for row in report.rows}


def found(report: StatsReport, code: str) -> dict[str, str]:
    return {each.tensor: each.message for each in report.findings if each.code == code}


def raw_file(directory: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> Path:
    """Writes dtypes that the library of this torch would not."""
    header, body = {}, b""
    for name, (code, shape, raw) in tensors.items():
        span = [len(body), len(body) + len(raw)]
        header[name] = {"dtype": code, "shape": shape, "data_offsets": span}
        body += raw
    text = json.dumps(header).encode()
    path = directory / "raw.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def matrix(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
