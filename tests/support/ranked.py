"""A distributed checkpoint as its ranks save it: each process must be able to import this."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

RANKS = 3


def whole() -> dict[str, torch.Tensor]:
    """Returns tensors whose rows and columns no number of ranks divides."""
    generator = torch.Generator().manual_seed(0)
    drawn = {
        f"{name}{axis}": torch.randn(7, 5, 2, generator=generator).to(dtype)
        for name, dtype in (("f", torch.float32), ("b", torch.bfloat16), ("d", torch.float64))
        for axis in range(3)
    }
    return drawn | {"one": torch.randn(5, generator=generator), "few": torch.ones(2, 3)}


def save_rank(rank: int, path: str, port: int) -> None:
    """Saves the part of a rank, beside the others."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(RANKS)}
    dist.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (RANKS,))
    model = {
        name: distribute_tensor(tensor, mesh, [Shard(int(name[1]) if name[1].isdigit() else 0)])
        for name, tensor in whole().items()
    }
    model["turned"] = whole()["f0"][:, :, 0].T
    state = {"f0": {"exp_avg": model["f0"]}}
    dcp.save({"model": model, "optim": {"state": state, "step": 3}}, checkpoint_id=path)
    dist.destroy_process_group()
