"""A tensor's values depend on its seed and its name, and on nothing else."""

from __future__ import annotations

import hashlib
from itertools import count

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.engine.draw import draw_tensor, generator
from initcli.schemes.layer import Layer
from initcli.schemes.spec import parse_scheme

KEYS = st.tuples(st.integers(-(2**70), 2**70), st.text(st.characters(exclude_categories=[])))


def stream(seed: int, name: str) -> tuple[int, ...]:
    values = torch.randint(2**62, (4,), generator=generator(seed, name))
    return tuple(values.tolist())


@given(one=KEYS, other=KEYS)
@settings(deadline=None)
def test_streams_are_equal_exactly_where_keys_are(
    one: tuple[int, str], other: tuple[int, str]
) -> None:
    assert (stream(*one) == stream(*other)) == (one == other)
    assert stream(*one) == stream(*one)


@pytest.mark.parametrize("step", [2**32, 2**64, -(2**32), 2**128])
def test_seeds_that_collide_in_torch_differ_here(step: int) -> None:
    assert stream(7, "w") != stream(7 + step, "w")


def test_seed_and_name_do_not_run_into_each_other() -> None:
    keys = [(1, "1:w"), (11, ":w"), (1, ":1:w"), (111, "w"), (-1, "w"), (1, "-w")]
    assert len({stream(*key) for key in keys}) == len(keys)


def colliding_names() -> tuple[str, str]:
    """Returns two names whose keys agree in the 32 bits that torch would keep of them."""
    seen: dict[bytes, str] = {}
    for number in count():
        name = f"layers.{number}.weight"
        digest = hashlib.blake2b(f"0:{name}".encode(), digest_size=16).digest()[:4]
        if digest in seen:
            return seen[digest], name
        seen[digest] = name
    raise AssertionError


def test_names_whose_keys_collide_in_32_bits_differ() -> None:
    one, other = colliding_names()
    assert stream(0, one) != stream(0, other)


def test_all_of_the_state_is_keyed() -> None:
    one, other = (generator(0, name).get_state()[24 : 24 + 8 * 624] for name in "ab")
    words_equal = (one.view(torch.int64) == other.view(torch.int64)).sum()
    assert words_equal < 5


def test_the_stream_is_a_standard_one() -> None:
    values = torch.randn(200_000, generator=generator(0, "w"), dtype=torch.float64)
    assert abs(values.mean()) < 5 / 200_000**0.5
    assert values.var() == pytest.approx(1, abs=5 * (2 / 200_000) ** 0.5)


SCHEMES = ["normal(std=1)", "kaiming_uniform", "trunc_normal", "orthogonal"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_values_do_not_depend_on_the_order_of_tensors_or_on_torchs_own_seed(scheme: str) -> None:
    names = [f"layers.{number}.weight" for number in range(6)]
    draw = parse_scheme(scheme).draw(Layer((8, 4)))
    first = {name: draw_tensor(draw, (8, 4), 3, name) for name in names}
    torch.manual_seed(5)
    for name in reversed(names):
        assert torch.equal(draw_tensor(draw, (8, 4), 3, name), first[name])


def test_drawing_leaves_torchs_own_generator_alone() -> None:
    before = torch.get_rng_state()
    draw_tensor(parse_scheme("normal(std=1)").draw(Layer((64,))), (64,), 0, "w")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(), (3,), (1, 1), (2, 3, 4)])
def test_any_shape_is_drawn_in_float32(shape: tuple[int, ...]) -> None:
    drawn = draw_tensor(parse_scheme("normal(std=1)").draw(Layer(shape)), shape, 0, "w")
    assert (drawn.shape, drawn.dtype) == (shape, torch.float32)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2**62, 4)])
def test_a_tensor_without_values_is_empty_however_large_its_other_sides(
    shape: tuple[int, ...],
) -> None:
    assert draw_tensor(parse_scheme("normal(std=1)").draw(Layer(shape)), shape, 0, "w").numel() == 0
