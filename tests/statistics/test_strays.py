from __future__ import annotations

import functools
import operator

import numpy as np
import pytest

from initcli.core.dtypes import DTYPES
from initcli.statistics.strays import Strays, strays
from raw import DRAWABLE, bits, every_pattern, stored

NARROW = [code for code in DRAWABLE if DTYPES[code].bits <= 16]


def found(values: list[float], expected: list[float], code: str) -> Strays:
    return strays(stored(values, code), stored(expected, code), DTYPES[code])


@pytest.mark.parametrize("code", DRAWABLE)
def test_the_first_value_out_of_place_is_named(code: str) -> None:
    assert found([1, 0, 0, 1], [1, 0, 0, 1], code) == Strays()
    assert found([1, 1, 0, 0], [1, 0, 0, 1], code) == Strays(2, 1, 1.0, 0.0)
    assert found([0, -1], [0, 1], code) == Strays(1, 1, -1.0, 1.0)


@pytest.mark.parametrize("code", DRAWABLE)
def test_not_a_number_is_never_what_was_expected(code: str) -> None:
    off = found([float("nan"), 0], [0, 0], code)
    assert (off.count, off.first) == (1, 0)
    assert np.isnan(off.value)


@pytest.mark.parametrize("code", ["F64", "F32", "BF16", "F16", "F8_E5M2"])
def test_infinity_is_no_neighbour_of_the_largest_value(code: str) -> None:
    largest = DTYPES[code].largest
    assert found([np.inf], [largest], code).count == (code != "F64")
    assert found([np.inf, -0.0], [np.inf, 0.0], code).count == 0
    assert found([np.inf], [-np.inf], code).count == 1


@pytest.mark.parametrize("code", NARROW)
def test_neighbours_are_equal_and_those_beyond_are_not(code: str) -> None:
    """Holds every finite value against the next and the next but one on the number line."""
    dtype = DTYPES[code]
    raw = np.frombuffer(every_pattern(code), dtype.numpy)
    with np.errstate(invalid="ignore"):
        wide = raw.astype(np.float64)
    values = np.unique(wide[np.isfinite(wide)])
    for distance, count in ((1, 0), (2, values.size - 2)):
        one, other = values[distance:], values[:-distance]
        assert strays(stored(one, code), stored(other, code), dtype).count == count


@pytest.mark.parametrize(("apart", "count"), [(0, 0), (1, 0), (2, 1), (-1, 0), (-2, 1)])
def test_float32_tells_values_two_apart(apart: int, count: int) -> None:
    pattern = int(np.float32(1.25).view(np.uint32))
    near = bits([pattern + apart], "F32")
    assert strays(near, bits([pattern], "F32"), DTYPES["F32"]).count == count


@pytest.mark.parametrize(("value", "count"), [(np.log(3.0), 0), (np.log(3.0) + 1e-6, 1)])
def test_float64_is_held_against_what_float32_can_draw(value: float, count: int) -> None:
    assert found([value], [float(np.float32(np.log(3.0)))], "F64").count == count


@pytest.mark.parametrize("cut", [1, 3, 7, 100])
def test_stretches_join_as_one(cut: int) -> None:
    generator = np.random.default_rng(0)
    values, expected = generator.integers(0, 2, 100), generator.integers(0, 2, 100)
    parts = [
        strays(
            stored(values[at : at + cut], "BF16"),
            stored(expected[at : at + cut], "BF16"),
            DTYPES["BF16"],
            at,
        )
        for at in range(0, 100, cut)
    ]
    off = np.flatnonzero(values != expected)
    whole = functools.reduce(operator.add, parts, Strays())
    assert whole == Strays(off.size, off[0], values[off[0]], expected[off[0]])
