"""What is learnt of pairs by reading them again does not depend on how values were cut."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.engine.pairs import FoldOfPairs
from initcli.statistics.pair_ratio import RatioFold
from initcli.statistics.pair_ulps import UlpFold
from raw import decoded, stored

CODES = ["F32", "F64", "BF16", "F16", "F8_E4M3", "F8_E5M2"]
FINITE = st.floats(-100, 100, width=32)
Chunk = tuple[list[float], list[float]]
Opened = Callable[[str], FoldOfPairs[Any]]

FOLDS: dict[str, Opened] = {
    "ratio": lambda code: RatioFold(DTYPES[code], DTYPES[code]),
    "ratio of casts": lambda code: RatioFold(DTYPES["F32"], DTYPES[code]),
    "ulps": lambda code: UlpFold(DTYPES[code]),
}


@st.composite
def chunks(draw: st.DrawFn) -> list[Chunk]:
    """Three chunks of pairs that are multiples of each other, but for a few."""
    factor = draw(st.sampled_from([0.5, -1.0, 0.7, 1.0]))
    found = []
    for _ in range(3):
        a = draw(st.lists(FINITE, max_size=6))
        other = draw(st.lists(FINITE, min_size=len(a), max_size=len(a)))
        is_multiple = draw(st.booleans())
        found.append((a, [each * factor for each in a] if is_multiple else other))
    return found


def folded(name: str, code: str, *parts: Chunk) -> Any:  # noqa: ANN401 - of each fold its own
    fold = FOLDS[name](code)
    code_a = "F32" if name == "ratio of casts" else code
    for a, b in parts:
        fold.add(stored(a, code_a), stored(b, code))
    return fold.result()


@pytest.mark.parametrize("name", FOLDS)
@given(st.sampled_from(CODES), chunks())
def test_chunks_merge_exactly_in_any_order(name: str, code: str, parts: list[Chunk]) -> None:
    a, b, c = (folded(name, code, part) for part in parts)
    whole = folded(name, code, ([x for p in parts for x in p[0]], [x for p in parts for x in p[1]]))
    assert a + b + c == whole == a + (b + c) == c + b + a == folded(name, code, *parts)


@pytest.mark.parametrize("name", FOLDS)
@given(st.sampled_from(CODES), chunks())
def test_nothing_is_the_identity(name: str, code: str, parts: list[Chunk]) -> None:
    nothing, found = folded(name, code), folded(name, code, *parts)
    assert nothing + found == found == found + nothing


@given(st.sampled_from(CODES), chunks())
def test_what_pairs_allow_holds_for_each(code: str, parts: list[Chunk]) -> None:
    ratio = folded("ratio", code, *parts)
    if not ratio.once.low <= ratio.once.high:
        return
    dtype = DTYPES[code]
    epsilon = max(dtype.epsilon, 2.0**-50)  # which float64 arithmetic on float64 costs
    for multiple in (ratio.once.low, ratio.once.high):
        for part in parts:
            a, b = (decoded(stored(each, code), dtype) for each in part)
            if math.isfinite(multiple):
                assert (abs(b - multiple * a) <= epsilon * abs(b) + dtype.least).all()
