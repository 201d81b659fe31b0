"""Draws tensors with torch, each from a generator of its own."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from initcli.core.tensor import Shape
from initcli.schemes.registry import Draw

if TYPE_CHECKING:
    import torch

_STATE_OFFSET = 24
_STATE_WORDS = 624


def generator(seed: int, name: str) -> torch.Generator:
    """Returns the CPU generator from which a tensor is drawn, keyed by seed and name.

    torch's `manual_seed` keeps only the low 32 bits of a seed, so that of 100,000 tensors two
    would likely be equal; here all 624 words of the Mersenne twister's state are derived from a
    128-bit hash instead.

    Args:
        seed: The run's seed.
        name: The tensor's fully qualified name.
    """
    import torch

    digest = hashlib.blake2b(f"{seed}:{name}".encode("utf-8", "surrogatepass"), digest_size=16)
    sequence = np.random.SeedSequence(int.from_bytes(digest.digest(), "little"))
    keyed = torch.Generator().manual_seed(0)
    state = keyed.get_state()
    words = state.numpy()[_STATE_OFFSET : _STATE_OFFSET + 8 * _STATE_WORDS].view(np.uint64)
    words[:] = np.random.MT19937(sequence).state["state"]["key"]
    keyed.set_state(state)
    return keyed


def draw_tensor(draw: Draw, shape: Shape, seed: int, name: str) -> torch.Tensor:
    """Draws a tensor in float32, by torch's own function where the scheme is torch's.

    A tensor without values comes back flat.

    Args:
        draw: What to draw.
        shape: The tensor's shape.
        seed: The run's seed.
        name: The tensor's name, which with the seed decides every value.
    """
    import torch

    # A file may hold empty shapes whose strides overflow in torch.
    if not math.prod(shape):
        return torch.empty(0)
    tensor = torch.empty(shape, dtype=torch.float32, device="cpu")
    with torch.no_grad(), _one_thread():
        draw.fill(tensor, generator(seed, name))
    return tensor


@contextmanager
def _one_thread() -> Iterator[None]:
    """LAPACK's factorisations, orthogonal among them, change their bytes with their threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
