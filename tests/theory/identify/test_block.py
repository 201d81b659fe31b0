"""Tensors are looked at as matrices; of large ones, at whole kernels of evenly spaced rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.schemes.layout import Layout
from initcli.theory.identify.block import Block, Extent, Sides, sides_of

SIDES = [
    ((), False, None),
    ((7,), False, None),
    ((1, 7), False, None),
    ((7, 1, 1, 1), False, None),
    ((1, 1, 3, 1), False, None),
    ((3, 5), False, Sides(3, 5)),
    ((3, 5, 7), False, Sides(3, 35, 7, 7)),
    ((3, 5, 7, 2), False, Sides(3, 70, 14, 2)),
    ((3, 1, 7, 2), False, Sides(3, 14, 14, 2)),
    ((3, 5, 1, 1), False, Sides(3, 5)),
    ((3, 5, 7), True, Sides(15, 7)),
    ((3, 5, 7, 2), True, Sides(15, 14)),
    ((1, 5, 7), True, Sides(5, 7)),
]


@pytest.mark.parametrize(("shape", "is_stacked", "expected"), SIDES, ids=str)
def test_a_shape_is_a_matrix_of_kernels(
    shape: tuple[int, ...], is_stacked: bool, expected: Sides | None
) -> None:
    layout = Layout("linear", stacked=True) if is_stacked else None
    assert sides_of(shape, layout) == expected
    if expected:
        assert expected.rows * expected.columns == math.prod(shape)


KERNELS = st.sampled_from([(1, 1), (9, 3), (5, 5), (49, 7), (27, 3)])


@given(st.integers(1, 5000), st.integers(1, 700), KERNELS, st.integers(1, 1 << 20))
def test_a_part_is_of_whole_kernels_and_hardly_more_than_is_asked_for(
    rows: int, inputs: int, kernel: tuple[int, int], most: int
) -> None:
    taps, tap_columns = kernel
    sides = Sides(rows, inputs * taps, taps, tap_columns)
    part = Extent.of(sides, most)
    assert 1 <= part.rows <= rows
    assert taps <= part.columns <= sides.columns
    assert part.columns % taps == 0
    # One row, or a kernel of one, is looked at whatever is asked for.
    assert part.size <= max(most, part.columns)
    assert part.is_whole == (part.size == rows * sides.columns)
    if rows * sides.columns <= most:
        assert part.is_whole


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_rows_are_evenly_spaced_from_the_first_to_the_last_and_none_twice(
    rows: int, some: int
) -> None:
    spaced = Extent(Sides(rows, 4), min(some, rows), 4).spaced
    assert spaced[0] == 0
    assert len(set(spaced.tolist())) == len(spaced) == min(some, rows)
    if len(spaced) > 1:
        assert spaced[-1] == rows - 1
        assert np.ptp(np.diff(spaced)) <= 1


def test_a_block_is_about_its_mean_without_the_rows_of_nothing() -> None:
    values = np.array([[1, 2], [0, 0], [3, 0], [-0.0, 0]], np.float16)
    block = Block.of(values, Extent.whole(Sides(4, 2, 2, 1)))
    np.testing.assert_allclose(block.values * block.scale, [[-0.5, 0.5], [1.5, -1.5]])
    assert block.mean * block.scale == pytest.approx(1.5)
    assert (block.scale, block.size, block.taps, block.tap_columns) == (3, 4, 2, 1)
    assert block.has_zeros
    assert block.values.dtype == np.float64


def test_a_block_of_nothing_is_empty() -> None:
    block = Block.of(np.zeros((5, 3)), Extent.whole(Sides(5, 3)))
    assert (block.size, block.mean, block.values.shape) == (0, 0.0, (0, 3))


def test_fused_layers_are_brought_to_one_mean_and_scale() -> None:
    layers = np.random.default_rng(0).standard_normal((3, 4, 5)) * [[[1.0]], [[2.0]], [[30.0]]]
    sides = sides_of((12, 5), Layout("linear", parts=3))
    assert sides == Sides(12, 5, parts=3)
    block = Block.of(layers.reshape(12, 5), Extent.whole(sides))
    for each in block.values.reshape(3, -1):
        assert (each.mean(), each.std()) == pytest.approx((0.0, 1.0))
