"""Draws tensors with torch, block by block where a scheme allows it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from initcli.core.tensor import Shape, TensorSpec
from initcli.engine.parts import Part
from initcli.models.torch_bytes import chunks_of
from initcli.schemes.registry import Draw, Grain

if TYPE_CHECKING:
    import torch

# What is drawn at once: it stays in cache, and outlasts the making of its generator. Part of what
# a seed means, like the number of threads that LAPACK factors with, on which its bytes depend.
BLOCK = 1 << 18
_LAPACK_THREADS = 2
# Blocks that one worker draws, one behind the other, of a tensor that several share.
_PART = 16
_FLOAT = 4
# torch draws normals in groups, and the last group of a tensor must be whole.
_GROUP = 16
_STATE_OFFSET = 24
_STATE_WORDS = 624


def generator(seed: int, name: str, block: int = 0) -> torch.Generator:
    """Returns the CPU generator from which a tensor is drawn, keyed by seed and name.

    torch's `manual_seed` keeps only the low 32 bits of a seed, so that of 100,000 tensors two
    would likely be equal; here all 624 words of the Mersenne twister's state are derived from a
    128-bit hash instead.

    Args:
        seed: The run's seed.
        name: The tensor's fully qualified name.
        block: Which block of a tensor whose blocks have generators of their own.
    """
    import torch

    key, person = f"{seed}:{name}".encode("utf-8", "surrogatepass"), block.to_bytes(8, "little")
    digest = hashlib.blake2b(key, digest_size=16, person=person)
    sequence = np.random.SeedSequence(int.from_bytes(digest.digest(), "little"))
    keyed = torch.Generator().manual_seed(0)
    state = keyed.get_state()
    words = state.numpy()[_STATE_OFFSET : _STATE_OFFSET + 8 * _STATE_WORDS].view(np.uint64)
    words[:] = np.random.MT19937(sequence).state["state"]["key"]
    keyed.set_state(state)
    return keyed


def blocks_of(values: int) -> list[tuple[int, int]]:
    """Returns first and count of the blocks that a tensor of so many values is drawn in."""
    firsts = list(range(0, max(1, values - _GROUP + 1), BLOCK))
    return [(first, end - first) for first, end in pairwise([*firsts, values])]


def draw_blocks(
    draw: Draw, shape: Shape, seed: int, name: str, blocks: range | None = None
) -> Iterator[torch.Tensor]:
    """Yields a tensor's values in float32, flat, in consecutive blocks.

    Args:
        draw: What to draw.
        shape: The tensor's shape.
        seed: The run's seed.
        name: The tensor's name, which with the seed decides every value.
        blocks: Which blocks, of a draw whose blocks do not depend on each other; by default all.
    """
    import torch

    values = math.prod(shape)
    if not values:
        return
    if draw.grain is Grain.WHOLE:
        key = draw.shared.key if draw.shared else name
        yield _zeroed(_whole(draw, shape, seed, key), 0, draw)
        return
    shared = generator(seed, name)
    every = blocks_of(values)
    with torch.no_grad(), _threads(1):
        for number in blocks or range(len(every)):
            own = generator(seed, name, number) if draw.grain is Grain.BLOCK else shared
            block = torch.empty(every[number][1], dtype=torch.float32, device="cpu")
            draw.fill(block, own)
            yield _zeroed(block, every[number][0], draw)


def drawn_parts(draw: Draw, spec: TensorSpec, seed: int) -> Iterator[Part]:
    """Yields a tensor's values, cast to its dtype, in parts that can be drawn independently.

    Args:
        draw: What to draw.
        spec: The tensor, whose name with the seed decides every value.
        seed: The run's seed.
    """
    blocks = blocks_of(spec.parameters)
    step = _PART if draw.grain is Grain.BLOCK else len(blocks)
    hold = (_FLOAT + draw.held) * spec.parameters if draw.grain is Grain.WHOLE else 0
    for first in range(0, len(blocks), step):
        part = range(first, min(first + step, len(blocks)))
        count = sum(blocks[number][1] for number in part)
        yield Part(count, partial(_drawn, draw, spec, seed, part), hold)


def _drawn(draw: Draw, spec: TensorSpec, seed: int, blocks: range) -> Iterator[memoryview]:
    for block in draw_blocks(draw, spec.shape, seed, spec.name, blocks):
        yield from chunks_of(block, spec.dtype)


def _zeroed(block: torch.Tensor, first: int, draw: Draw) -> torch.Tensor:
    start, count = draw.zeroed
    block[max(0, start - first) : max(0, start + count - first)] = 0
    return block


def _whole(draw: Draw, shape: Shape, seed: int, key: str) -> torch.Tensor:
    import torch

    tensor = torch.empty(shape, dtype=torch.float32, device="cpu")
    with torch.no_grad(), _threads(_LAPACK_THREADS):
        draw.fill(tensor, generator(seed, key))
    return tensor.view(-1)


def draw_tensor(draw: Draw, shape: Shape, seed: int, name: str) -> torch.Tensor:
    """Draws a whole tensor in float32; one without values comes back flat."""
    import torch

    # A file may hold empty shapes whose strides overflow in torch.
    if not math.prod(shape):
        return torch.empty(0)
    return torch.cat(list(draw_blocks(draw, shape, seed, name))).view(shape)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """LAPACK's factorisations, orthogonal among them, change their bytes with their threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
