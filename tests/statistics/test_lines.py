"""Rows and columns gathered from a stream are those of the whole tensor."""

from __future__ import annotations

import math
from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from initcli.statistics.lines import MOST_COLUMNS, MOST_ROWS, LineFold, Lines, cannot_line
from raw import spec

Array = NDArray[np.float64]
Shape = tuple[int, ...]
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 3e38]
SHAPES = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)),
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)),
)


@st.composite
def tensors(draw: st.DrawFn) -> Array:
    shape = draw(SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=shape).astype(np.float32)
    share = draw(st.sampled_from([0.0, 0.1, 0.9]))
    planted = rng.random(shape) < share
    values[planted] = rng.choice(np.float32(SPECIAL), int(planted.sum()))
    return values.astype(np.float64)


@st.composite
def cut_tensors(draw: st.DrawFn) -> tuple[Array, list[slice]]:
    values = draw(tensors())
    places = draw(st.lists(st.integers(0, values.size), max_size=8))
    cuts = [0, *sorted(places), values.size]
    return values, [slice(a, b) for a, b in pairwise(cuts)]


def direct(values: Array, axis: int, start: int = 0) -> Lines:
    """Returns what NumPy says of every line along an axis, each line by itself."""
    lines = [np.ravel(line) for line in np.moveaxis(values, axis, 0)]
    finite = [line[np.isfinite(line)] for line in lines]
    return Lines(
        start,
        np.array([np.square(line).sum() for line in finite]),
        np.array([line.min(initial=math.inf) for line in finite]),
        np.array([line.max(initial=-math.inf) for line in finite]),
        np.array([(~np.isfinite(line)).sum() for line in lines]),
    )


def same(found: Lines, expected: Lines) -> None:
    assert found.start == expected.start
    assert found.energy == pytest.approx(expected.energy, rel=1e-12)
    for key in ("low", "high", "hurt"):
        assert np.array_equal(getattr(found, key), getattr(expected, key)), key


def folded(values: Array, parts: list[slice]) -> LineFold:
    """Gathers parts that follow one another, as the chunks of one task do."""
    start, end = parts[0].start, parts[-1].stop
    fold = LineFold(values.shape, start, end - start)
    for part in parts:
        fold.add(values.reshape(-1)[part].astype(np.float32))
    return fold


@given(cut_tensors())
@settings(max_examples=150)
def test_lines_do_not_depend_on_the_chunks(drawn: tuple[Array, list[slice]]) -> None:
    values, parts = drawn
    fold = folded(values, parts)
    same(fold.rows, direct(values, 0))
    same(fold.columns, direct(values, 1))


@given(cut_tensors())
@settings(max_examples=150)
def test_lines_of_tasks_merge_to_those_of_the_whole(drawn: tuple[Array, list[slice]]) -> None:
    values, parts = drawn
    folds = [folded(values, [part]) for part in parts if part.stop > part.start]
    same(reduce(add, [fold.rows for fold in folds]), direct(values, 0))
    same(reduce(add, [fold.columns for fold in folds]), direct(values, 1))


@given(cut_tensors())
def test_merging_lines_is_commutative_and_associative(drawn: tuple[Array, list[slice]]) -> None:
    values, (first, *others) = drawn
    second = others[0] if others else first
    third = others[-1] if others else first
    for kind in ("rows", "columns"):
        a, b, c = (getattr(folded(values, [part]), kind) for part in (first, second, third))
        same(a + b, b + a)
        same((a + b) + c, a + (b + c))


def test_an_empty_part_is_the_identity() -> None:
    values = np.arange(12.0).reshape(3, 4)
    rows, empty = direct(values, 0), Lines.empty(0, 0)
    same(rows + empty, rows)
    same(empty + rows, rows)
    same(rows + Lines.empty(1, 2), rows)


def test_rows_of_a_part_are_only_those_it_touches() -> None:
    fold = folded(np.arange(40.0).reshape(10, 4), [slice(9, 21)])
    assert (fold.rows.start, fold.rows.energy.size) == (2, 4)
    assert fold.rows.low.tolist() == [9, 12, 16, 20]
    assert fold.rows.high.tolist() == [11, 15, 19, 20]
    assert (fold.columns.start, fold.columns.energy.size) == (0, 4)


def test_no_number_of_broken_taps_is_too_many_to_count() -> None:
    """More than 127 of one row and column, in a part that is no whole row."""
    values = np.full((3, 2, 300), math.nan)
    fold = folded(values, [slice(0, 599), slice(599, 1800)])
    assert fold.rows.hurt.tolist() == [600, 600, 600]
    assert fold.columns.hurt.tolist() == [900, 900]


def test_energies_beyond_float64_are_infinite_without_a_warning() -> None:
    values = np.full((20, 40), 1e200)
    values[3], values[4] = 1.2e154, 0.0
    fold = LineFold(values.shape, 0, values.size)
    for part in np.split(values.reshape(-1), [130, 131, 400]):
        fold.add(part)
    assert np.isinf(fold.columns.energy).all()
    assert np.isinf(fold.rows.energy[3])  # of squares that are finite, the sum is not
    assert fold.rows.energy[4] == 0
    assert np.isinf((fold.columns + fold.columns).energy).all()


CANNOT = [
    ((), "it has none"),
    ((7,), "it has none"),
    ((0, 4), "it has none"),
    ((4, 3, 0), "it has none"),
    ((MOST_ROWS + 1, 2), "1,048,577 rows are more"),
    ((2, MOST_COLUMNS + 1), "262,145 columns are more"),
    ((MOST_ROWS, MOST_COLUMNS), ""),
    ((2, 2, MOST_ROWS + 1), ""),
]


@pytest.mark.parametrize(("shape", "reason"), CANNOT, ids=str)
def test_what_has_no_lines_says_why(shape: Shape, reason: str) -> None:
    assert reason in cannot_line(spec("w", *shape))
    assert bool(cannot_line(spec("w", *shape))) is bool(reason)


@pytest.mark.parametrize(
    ("code", "is_refused"), [("I8", False), ("F4", False), ("BOOL", True), ("C64", True)]
)
def test_which_dtypes_have_lines(code: str, is_refused: bool) -> None:
    assert (code in cannot_line(spec("w", 4, 4, code=code))) is is_refused
