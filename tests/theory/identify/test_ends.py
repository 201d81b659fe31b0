"""The end of a uniform law is drawn itself: generators have 23 or 24 bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import initcli

SIDES = [(96, 80), (64, 64)]  # of the second, the bound 1/8 is an edge of the cells


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sides", SIDES)
def test_a_value_at_the_lower_end_refutes_no_law(
    sides: tuple[int, int], dtype: torch.dtype, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(1)
    bound = sides[1] ** -0.5
    values = torch.empty(sides).uniform_(-bound, bound, generator=generator)
    values[3, 5] = -bound
    path = tmp_path / "drawn.safetensors"
    save_file({"layer.weight": values.to(dtype)}, path)
    (row,) = initcli.stats(path, identify=True).identities
    assert row.kind == "consistent"
    assert "torch_default" in {scheme for fit in row.fits for scheme in fit.schemes}


def test_a_value_beyond_the_end_does(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.empty(96, 80).uniform_(-(80**-0.5), 80**-0.5, generator=generator)
    values[3, 5] = -(80**-0.5) * 1.0001
    path = tmp_path / "moved.safetensors"
    save_file({"layer.weight": values}, path)
    (row,) = initcli.stats(path, identify=True).identities
    assert row.kind == "law unknown"
