"""Blocks of a draw are the whole draw, whoever draws them and in whatever order."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch

from initcli.engine.draw import BLOCK, blocks_of, draw_blocks, draw_tensor, generator
from initcli.schemes import fills
from initcli.schemes.registry import Draw, Grain
from raw import draw_of

SIZES = [1, 15, 16, 17, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK + 15, BLOCK + 16, 2 * BLOCK + 5]
STREAMS = {
    "normal(0, 0.02)": lambda tensor, keyed: tensor.normal_(0, 0.02, generator=keyed),
    "uniform(-1, 3)": lambda tensor, keyed: tensor.uniform_(-1, 3, generator=keyed),
    "constant(0.1)": lambda tensor, _: tensor.fill_(0.1),
}


@pytest.mark.parametrize("values", [*SIZES, 3 * BLOCK])
def test_blocks_cover_every_value_once(values: int) -> None:
    blocks = blocks_of(values)
    assert blocks[0][0] == 0
    assert all(sum(one) == after[0] for one, after in itertools.pairwise(blocks))
    assert sum(blocks[-1]) == values
    # torch draws the last sixteen normals again unless they end a group.
    assert all(count >= min(16, values) and first % BLOCK == 0 for first, count in blocks)


@pytest.mark.parametrize("values", SIZES)
@pytest.mark.parametrize("scheme", STREAMS)
def test_a_stream_of_blocks_equals_torchs_draw_of_the_whole(scheme: str, values: int) -> None:
    whole = torch.empty(values)
    STREAMS[scheme](whole, generator(3, "w"))
    blocks = list(draw_blocks(draw_of(scheme, (values,)), (values,), 3, "w"))
    assert [block.numel() for block in blocks] == [count for _, count in blocks_of(values)]
    assert torch.equal(torch.cat(blocks), whole)


@pytest.mark.parametrize("scheme", ["kaiming_normal", "kaiming_uniform", "xavier_normal(2)"])
def test_schemes_of_torch_equal_torch_beyond_one_block(scheme: str) -> None:
    shape = (513, 1031)
    whole = torch.empty(shape)
    name, _, gain = scheme.partition("(")
    function = getattr(torch.nn.init, f"{name}_")
    function(whole, **({"gain": 2} if gain else {}), generator=generator(0, "w"))
    assert torch.equal(draw_tensor(draw_of(scheme, shape), shape, 0, "w"), whole)


def independent() -> Draw:
    draw = fills.truncated_normal(0, 1, -2, 2)
    assert draw.grain is Grain.BLOCK
    return draw


def test_independent_blocks_may_be_drawn_apart_and_in_any_order() -> None:
    shape = (2 * BLOCK + 99,)
    whole = draw_tensor(independent(), shape, 1, "w")
    parts = [
        torch.cat(list(draw_blocks(independent(), shape, 1, "w", range(first, last))))
        for first, last in ((2, 3), (0, 2))
    ]
    assert torch.equal(torch.cat(parts[::-1]), whole)


def test_no_two_blocks_are_alike() -> None:
    shape = (3 * BLOCK,)
    drawn = draw_tensor(independent(), shape, 1, "w").view(3, BLOCK)
    assert not any(torch.equal(drawn[a], drawn[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    # Of 2¹⁸ pairs of independent values the correlation stays within 5/√n but once in 10⁶.
    assert abs(float(torch.corrcoef(drawn[:2])[0, 1])) < 5 / math.sqrt(BLOCK)


@pytest.mark.parametrize("zeroed", [(0, 7), (BLOCK - 3, 9), (BLOCK + 5, 2 * BLOCK - 5)])
def test_a_run_of_zeros_falls_where_it_should_across_blocks(zeroed: tuple[int, int]) -> None:
    shape, (first, count) = (3 * BLOCK + 99,), zeroed
    plain = fills.normal(0, 1)
    drawn = draw_tensor(replace(plain, zeroed=zeroed), shape, 0, "w")
    expected = draw_tensor(plain, shape, 0, "w")
    expected[first : first + count] = 0
    assert torch.equal(drawn, expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("scheme", ["orthogonal", "normal", "sparse(0.5)"])
def test_bytes_do_not_depend_on_torchs_threads(scheme: str, threads: int) -> None:
    before = torch.get_num_threads()
    expected = draw_tensor(draw_of(scheme, (300, 200)), (300, 200), 0, "w")
    torch.set_num_threads(threads)
    try:
        assert torch.equal(draw_tensor(draw_of(scheme, (300, 200)), (300, 200), 0, "w"), expected)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


BOUNDS = [(-2, 2), (-0.5, 3), (1, 9), (-9, -1), (4, 6), (30, 31), (-math.inf, 1), (-8.5, 9)]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_truncated_values_lie_within_their_bounds_in_float32(bounds: tuple[float, float]) -> None:
    low, high = (0.3 + 0.1 * bound for bound in bounds)
    drawn = draw_tensor(fills.truncated_normal(0.3, 0.1, low, high), (100_000,), 0, "w").double()
    assert low <= float(drawn.min()) < float(drawn.max()) <= high
