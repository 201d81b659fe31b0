"""Isometries are found in every dtype of 16 bits and more, whatever library draws them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import initcli
from initcli.theory.identify.edge import largest_singular

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def structures(tensors: Mapping[str, torch.Tensor], path: Path) -> set[str]:
    save_file({name: each.contiguous() for name, each in tensors.items()}, path)
    return {row.structure for row in initcli.stats(path, identify=True).identities}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(16, 16, 3, 3), (96, 40), (48, 48)])
def test_what_torch_draws_is_found(
    shape: tuple[int, ...], dtype: torch.dtype, tmp_path: Path
) -> None:
    generator = torch.Generator().manual_seed(2)
    drawn = {
        f"layer{number}.weight": torch.nn.init.orthogonal_(torch.empty(shape), generator=generator)
        for number in range(8)
    }
    path = tmp_path / "drawn.safetensors"
    found = structures({name: each.to(dtype) for name, each in drawn.items()}, path)
    assert all(each.startswith("orthogonal") for each in found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_jax_puts_at_the_central_tap_is_found(dtype: torch.dtype, tmp_path: Path) -> None:
    jax = pytest.importorskip("jax")
    fill = jax.nn.initializers.delta_orthogonal()
    drawn = {
        f"layer{seed}.weight": np.asarray(fill(jax.random.key(seed), (3, 3, 8, 32)))
        for seed in range(8)
    }
    kernels = {
        name: torch.from_numpy(np.array(np.moveaxis(each, (-1, -2), (0, 1)))).to(dtype)
        for name, each in drawn.items()
    }
    found = structures(kernels, tmp_path / "drawn.safetensors")
    assert all(each.startswith("delta_orthogonal") for each in found)


@pytest.mark.parametrize("sides", [(16, 144), (300, 40), (64, 64)])
def test_the_largest_singular_value_is_never_more_than_it_is(sides: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    for matrix in (random.standard_normal(sides), np.eye(*sides), np.ones(sides)):
        longest = np.linalg.norm(matrix, 2)
        assert largest_singular(matrix) <= longest * (1 + 1e-5)
        q = np.linalg.qr(random.standard_normal((max(sides), min(sides))))[0]
        assert largest_singular(q) == pytest.approx(1, rel=1e-5)
