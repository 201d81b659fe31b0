from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.statistics.pair import Distance, PairSummary, Tolerance
from initcli.statistics.pair_fold import compare_values, empty_pair

TOLERANCE = Tolerance(1e-3, 1e-5)
PAIRS = [
    ("F32", "F32"),
    ("F32", "BF16"),
    ("F16", "F8_E4M3"),
    ("I64", "I64"),
    ("I64", "U64"),
    ("I32", "F32"),
    ("C64", "C64"),
    ("C64", "F32"),
    ("BOOL", "U8"),
]
COUNTS = (
    "compared",
    "unequal",
    "beyond",
    "sign_flips",
    "unequal_as_a",
    "unequal_as_b",
    "largest",
)
Chunk = tuple[bytes, bytes]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str, list[Chunk]]:
    code_a, code_b = draw(st.sampled_from(PAIRS))
    return code_a, code_b, [draw(pair_of_chunks(code_a, code_b)) for _ in range(3)]


@st.composite
def pair_of_chunks(draw: st.DrawFn, code_a: str, code_b: str) -> Chunk:
    count = draw(st.integers(0, 12))
    raw_a, raw_b = (
        draw(st.binary(min_size=size, max_size=size))
        for size in (count * DTYPES[code_a].itemsize, count * DTYPES[code_b].itemsize)
    )
    same = code_a == code_b and draw(st.booleans())
    return raw_a, raw_a if same else raw_b


def compared(
    code_a: str, code_b: str, chunk: Chunk, tolerance: Tolerance = TOLERANCE
) -> PairSummary:
    raw_a, raw_b = map(memoryview, chunk)
    return compare_values(raw_a, DTYPES[code_a], raw_b, DTYPES[code_b], tolerance)


def same(one: PairSummary, other: PairSummary) -> None:
    """Counts agree exactly, sums within 1e-12 relative of the energies they are made of."""
    assert one.same_bytes == other.same_bytes
    a, b = one.distance, other.distance
    assert [getattr(a, key) for key in COUNTS] == [getattr(b, key) for key in COUNTS]
    energy = max(a.squares_a, a.squares_b)
    for field in fields(Distance):
        left, right = getattr(a, field.name), getattr(b, field.name)
        slack = 1e-12 * energy if field.name == "product" else 0
        assert left == pytest.approx(right, rel=1e-12, abs=slack, nan_ok=True)


@given(pairs())
def test_an_empty_pair_is_the_identity(drawn: tuple[str, str, list[Chunk]]) -> None:
    code_a, code_b, (chunk, *_) = drawn
    pair = compared(code_a, code_b, chunk)
    nothing = empty_pair(DTYPES[code_a], DTYPES[code_b])
    assert repr(pair + nothing) == repr(nothing + pair)
    assert (pair + nothing).distance == pair.distance
    assert nothing.same_bytes == (code_a == code_b)


@given(pairs())
def test_merging_pairs_is_commutative_and_associative(
    drawn: tuple[str, str, list[Chunk]],
) -> None:
    code_a, code_b, chunks = drawn
    a, b, c = (compared(code_a, code_b, chunk) for chunk in chunks)
    same(a + b, b + a)
    same((a + b) + c, a + (b + c))


@given(pairs())
def test_distances_do_not_depend_on_the_chunks(drawn: tuple[str, str, list[Chunk]]) -> None:
    code_a, code_b, chunks = drawn
    a, b, c = (compared(code_a, code_b, chunk) for chunk in chunks)
    whole_a, whole_b = b"".join(a for a, _ in chunks), b"".join(b for _, b in chunks)
    same(a + b + c, compared(code_a, code_b, (whole_a, whole_b)))


@given(pairs())
def test_swapping_the_sides_swaps_the_casts(drawn: tuple[str, str, list[Chunk]]) -> None:
    code_a, code_b, (chunk, *_) = drawn
    assume(chunk[0] or chunk[1])
    there = compared(code_a, code_b, chunk).distance
    back = compared(code_b, code_a, chunk[::-1]).distance
    assert (there.unequal_as_a, there.unequal_as_b) == (back.unequal_as_b, back.unequal_as_a)
    assert (there.unequal, there.largest) == (back.unequal, back.largest)
    assert there.sign_flips == back.sign_flips


def test_nans_count_alike_however_their_neighbours_are_cut() -> None:
    chunks = [(np.float32([math.nan, 1]).tobytes(),) * 2, (b"\0" * 4, b"\1" * 4)]
    apart = compared("F32", "F32", chunks[0]) + compared("F32", "F32", chunks[1])
    whole = compared("F32", "F32", (chunks[0][0] + chunks[1][0], chunks[0][1] + chunks[1][1]))
    same(apart, whole)
    assert (whole.distance.unequal, whole.same_bytes) == (2, False)


@given(pairs())
def test_chunks_do_not_matter_where_nan_equals_nan(
    drawn: tuple[str, str, list[Chunk]],
) -> None:
    code_a, code_b, chunks = drawn
    tolerance = Tolerance(1e-3, 1e-5, equal_nan=True)
    a, b, c = (compared(code_a, code_b, chunk, tolerance) for chunk in chunks)
    whole_a, whole_b = b"".join(a for a, _ in chunks), b"".join(b for _, b in chunks)
    same(a + b + c, compared(code_a, code_b, (whole_a, whole_b), tolerance))
