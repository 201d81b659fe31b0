from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.statistics.fold import nothing, summarise
from initcli.statistics.moments import pool
from initcli.statistics.summary import Summary

CODES = ["F32", "F64", "BF16", "F16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "I64", "U64", "I8", "BOOL"]


def same(one: Summary, other: Summary, scale: float) -> None:
    """Counts and extrema agree exactly, moments within 1e-12 of the values' size."""
    counts = ("count", "nan", "infinite", "zeros", "minimum", "maximum", "at_largest")
    assert [getattr(one, key) for key in counts] == [getattr(other, key) for key in counts]
    assert complex(one.mean) == pytest.approx(
        complex(other.mean), rel=1e-12, abs=1e-12 * scale, nan_ok=True
    )
    assert one.variance == pytest.approx(
        other.variance, rel=1e-12, abs=1e-12 * scale**2, nan_ok=True
    )


def chunk(code: str) -> st.SearchStrategy[bytes]:
    """Returns any bytes that are whole values, NaN payloads and subnormals among them."""
    size = DTYPES[code].itemsize
    return st.binary(max_size=24 * size).map(lambda raw: raw[: len(raw) // size * size])


@st.composite
def chunks(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    code = draw(st.sampled_from([*CODES, "C64"]))
    return code, draw(st.lists(chunk(code), min_size=3, max_size=3))


def parts(drawn: tuple[str, list[bytes]]) -> tuple[list[Summary], float]:
    code, raws = drawn
    summaries = [summarise(memoryview(raw), DTYPES[code]) for raw in raws]
    with np.errstate(invalid="ignore"):
        wide = np.frombuffer(b"".join(raws), DTYPES[code].numpy).astype(np.complex128)
    sizes = np.abs(wide[np.isfinite(wide)])
    return summaries, float(sizes.max(initial=0.0))


def is_moderate(scale: float) -> bool:
    """Whether no square of these float64 values leaves float64."""
    return scale < 1e150


@given(chunks())
def test_an_empty_summary_is_the_identity(drawn: tuple[str, list[bytes]]) -> None:
    (summary, *_), _ = parts(drawn)
    identity = nothing(DTYPES[drawn[0]])
    assert repr(summary + identity) == repr(identity + summary) == repr(summary)


@given(chunks())
def test_merging_is_commutative(drawn: tuple[str, list[bytes]]) -> None:
    (a, b, _), scale = parts(drawn)
    if is_moderate(scale):
        same(a + b, b + a, scale)


@given(chunks())
def test_merging_is_associative(drawn: tuple[str, list[bytes]]) -> None:
    (a, b, c), scale = parts(drawn)
    if is_moderate(scale):
        same((a + b) + c, a + (b + c), scale)


@given(chunks())
def test_the_result_does_not_depend_on_the_chunks(drawn: tuple[str, list[bytes]]) -> None:
    (a, b, c), scale = parts(drawn)
    if is_moderate(scale):
        same(a + b + c, summarise(memoryview(b"".join(drawn[1])), DTYPES[drawn[0]]), scale)


@given(chunks())
@settings(max_examples=200)
def test_integers_obey_every_law_exactly(drawn: tuple[str, list[bytes]]) -> None:
    (a, b, c), _ = parts(("I64", [raw[: len(raw) // 8 * 8] for raw in drawn[1]]))
    assert (a + b) + c == a + (b + c) == (c + a) + b


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.data())
def test_extreme_means_stay_among_the_values(values: list[float], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(values)))
    halves = [np.array(half, np.float64).tobytes() for half in (values[:cut], values[cut:])]
    one, other = (summarise(memoryview(half), DTYPES["F64"]) for half in halves)
    mean = (one + other).mean.real
    slack = 1e-12 * max(map(abs, values))
    assert min(values) - slack <= mean <= max(values) + slack
    assert not math.isnan((one + other).variance)


def test_moments_of_two_kinds_do_not_pool() -> None:
    with pytest.raises(TypeError, match="cannot pool Moments with ExactMoments"):
        pool(nothing(DTYPES["F32"]).moments, nothing(DTYPES["I8"]).moments)
