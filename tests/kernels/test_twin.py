"""The compiled loops count what their NumPy twin counts, and sum to the same moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from both_kernels import served_by
from counted import central_moments
from initcli.kernels import twin
from initcli.statistics.moments import Moments

TILE = 2048
SIZES = [1, 3, 7, 8, 9, TILE - 1, TILE, TILE + 1, 2 * TILE - 1, 2 * TILE, 2 * TILE + 1, 8193]
WIDTHS = {"f": 4, "d": 8, "b": 2, "H": 2, "B": 1}
PATTERNS = {"H": np.arange(1 << 16, dtype="<u2"), "B": np.arange(1 << 8, dtype="u1")}
NO_LOOKUP = np.zeros(0, np.float32)
RNG = np.random.default_rng(0)

Raw = NDArray[Any]


@pytest.fixture(scope="module")
def kernel() -> Any:  # noqa: ANN401 - a module is its own protocol
    return served_by("compiled")


def shifted(array: Raw, offset: int) -> memoryview:
    """Returns an array's bytes at an offset that their alignment need not divide."""
    return memoryview(bytes(offset) + array.tobytes())[offset:]


def table(keys: int = 1 << 16) -> NDArray[np.uint32]:
    return np.full(keys, 3, np.uint32)  # counts are added to what is there


def random_bytes(seed: int, size: int) -> Raw:
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


CUTS = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(SIZES), st.integers(0, 7))


@given(CUTS)
def test_bytes_and_halves_are_counted_alike(cut: tuple[int, int, int]) -> None:
    seed, count, offset = cut
    compiled = served_by("compiled")
    for name, keys, width in (("count_bytes", 256, 1), ("count_halves", 1 << 16, 2)):
        raw = shifted(random_bytes(seed, count * width), offset)
        ours, theirs = table(keys), table(keys)
        getattr(compiled, name)(raw, ours)
        getattr(twin, name)(raw, theirs)
        direct = np.bincount(np.frombuffer(raw, f"<u{width}"), minlength=keys) + 3
        assert np.array_equal(ours, theirs)
        assert np.array_equal(ours, direct)


def test_equal_neighbours_are_all_counted() -> None:
    counts = np.zeros(256, np.uint32)
    served_by("compiled").count_bytes(memoryview(b"\7" * 100_003), counts)
    assert counts[7] == counts.sum() == 100_003


def scanned(raw: memoryview, code: str) -> None:
    """Holds both scans equal: counts, extrema and table exactly, sums as moments."""
    ours, theirs = table(), table()
    found = served_by("compiled").scan(raw, code, ours)
    expected = twin.scan(raw, code, theirs)
    assert np.array_equal(ours, theirs)
    assert found[:8] == expected[:8]
    assert [type(number) for number in found] == [type(number) for number in expected]
    size = max(abs(found[6]), abs(found[7])) if found[0] else 0.0
    if found[0] and size < 1e75:  # else powers leave float64
        assert_same_moments(found[0], found[8:], expected[8:], size)


def assert_same_moments(count: int, found: Any, expected: Any, size: float) -> None:  # noqa: ANN401
    """Moments of order k agree within 1e-12 of the largest value's k-th power."""
    one, other = (Moments.about(count, shift, sums) for shift, *sums in (found, expected))
    assert abs(one.mean - other.mean) <= 1e-12 * size
    for order, key in enumerate(("deviations", "cubes", "fourths"), 2):
        left, right = getattr(one, key), getattr(other, key)
        if not math.isnan(right):
            assert abs(left - right) <= 1e-12 * count * size**order, key


@given(CUTS, st.sampled_from("fd"))
def test_any_bits_are_scanned_alike(cut: tuple[int, int, int], code: str) -> None:
    seed, count, offset = cut
    scanned(shifted(random_bytes(seed, count * WIDTHS[code]), offset), code)


@given(st.binary(max_size=64), st.sampled_from("fd"))
def test_any_few_bits_are_scanned_alike(raw: bytes, code: str) -> None:
    whole = len(raw) // WIDTHS[code] * WIDTHS[code]
    if whole:
        scanned(memoryview(raw)[:whole], code)


def tiles_of(*values: float) -> Raw:
    return np.repeat(np.array(values, np.float64), TILE)


NORMAL = RNG.normal(0, 0.02, 3 * TILE + 5)
HARD: dict[str, Raw] = {
    "normal": NORMAL,
    "constant": np.full(4097, 0.1),
    "constant zero": np.zeros(4097),
    "both zeros": np.tile([0.0, -0.0], 2000),
    "a mean of 1e8 deviations": 1e8 + RNG.normal(0, 1, 5000),
    "a shift far from the mean": np.concatenate(
        [[0.0], tiles_of(math.nan), 1e8 + RNG.normal(0, 1, 100_000)]
    ),
    "NaN for a tile, then values": np.concatenate([tiles_of(math.nan), NORMAL]),
    "values, then NaN for a tile": np.concatenate([NORMAL, tiles_of(math.nan)]),
    "nothing but NaN": tiles_of(math.nan, math.nan),
    "nothing but infinities": np.tile([math.inf, -math.inf], 1500),
    "one NaN late": np.where(np.arange(NORMAL.size) == 2 * TILE + 1, math.nan, NORMAL),
    "one infinity at a tile's end": np.where(np.arange(NORMAL.size) == TILE - 1, math.inf, NORMAL),
    "one zero late": np.where(np.arange(NORMAL.size) == 3 * TILE, 0.0, NORMAL),
    "one minus zero late": np.where(np.arange(NORMAL.size) == 3 * TILE, -0.0, NORMAL),
    "one negative subnormal": np.where(np.arange(NORMAL.size) == TILE, -1e-310, NORMAL),
    "subnormal float32": np.concatenate([NORMAL, [1e-45, -1e-40, 2.0**-126, 2.0**-127]]),
    "subnormal float64": np.concatenate([NORMAL, [5e-324, -1e-310, 2.0**-1022, 2.0**-1023]]),
    "around the first and last cell": np.array(
        [2.0**-126, np.nextafter(2.0**-126, 0), 2.0**128, np.nextafter(2.0**128, 0), -(2.0**128)]
    ),
    "sums that overflow": np.concatenate([tiles_of(1e300), NORMAL, [-1e300, 1e308]]),
    "means that overflow": np.concatenate([tiles_of(1.7e308), [0.0, math.nan, 1.0]]),
}


@pytest.mark.parametrize("code", "fd")
@pytest.mark.parametrize("values", HARD.values(), ids=HARD)
def test_hard_values_are_scanned_alike(values: Raw, code: str) -> None:
    with np.errstate(over="ignore"):
        scanned(shifted(values.astype(f"<f{WIDTHS[code]}"), 1), code)


@pytest.mark.parametrize("name", ["compiled", "numpy"])
@pytest.mark.parametrize("place", ["a mean of 1e8 deviations", "a shift far from the mean"])
def test_a_far_mean_costs_no_digits(name: str, place: str) -> None:
    values = HARD[place]
    found = served_by(name).scan(memoryview(values.tobytes()), "d", table())
    moments = Moments.about(found[0], found[8], found[9:])
    mean, (second, third, fourth) = central_moments(values[np.isfinite(values)])
    assert moments.mean == pytest.approx(float(mean), rel=1e-15)
    assert moments.variance == pytest.approx(float(second), rel=1e-13)
    size = float(second) ** 1.5
    assert moments.cubes / moments.count == pytest.approx(float(third), rel=1e-12, abs=1e-12 * size)
    assert moments.fourths / moments.count == pytest.approx(float(fourth), rel=1e-12)


def lookup(code: str, eight: str = "float8_e4m3fn") -> NDArray[np.float32]:
    """Returns the values of patterns by the reference libraries' own casts."""
    if code not in PATTERNS:
        return NO_LOOKUP
    dtype = np.float16 if code == "H" else getattr(ml_dtypes, eight)
    with np.errstate(invalid="ignore"):
        return PATTERNS[code].view(dtype).astype(np.float32)


def compared(a: memoryview, b: memoryview, code: str, tolerance: tuple[float, float]) -> Any:  # noqa: ANN401
    """Holds both comparisons equal, and returns what they say."""
    found, expected = (
        each.compare(a, b, code, lookup(code), tolerance) for each in (served_by("compiled"), twin)
    )
    assert (found is None) == (expected is None)
    if found is None or expected is None:
        return None
    (gap, *sides), (gap_there, *sides_there) = found, expected
    assert gap[:5] == gap_there[:5]
    assert gap[5:7] == pytest.approx(gap_there[5:7], rel=1e-12)
    energy = max(Moments.about(*each[:2], each[2:]).energy for each in sides_there)
    assert gap[7] == pytest.approx(gap_there[7], rel=1e-12, abs=1e-12 * energy)
    for (count, *ours), (count_there, *theirs) in zip(sides, sides_there, strict=True):
        assert count == count_there == gap[0]
        size = math.sqrt(energy)
        assert_same_moments(count, ours, theirs, size) if count else None
    return found


def values_of(code: str, seed: int, count: int) -> Raw:
    rng = np.random.default_rng(seed)
    if code not in "fd":
        return rng.integers(0, 256, count * WIDTHS[code], np.uint8)
    wide = rng.normal(size=count) * 10.0 ** rng.integers(-30, 30, count)
    return wide.astype(f"<f{WIDTHS[code]}")


def finite_of(code: str, raw: Raw, *, is_kept: bool) -> Raw:
    """Returns the bytes with one, the pattern of a finite value, for those of what is not."""
    if is_kept or code in "fd":
        return raw
    keys = raw.view(f"<u{WIDTHS[code]}").copy()
    values = keys.view(ml_dtypes.bfloat16).astype(np.float32) if code == "b" else lookup(code)[keys]
    keys[~np.isfinite(values)] = 1
    return keys


@given(CUTS, st.sampled_from("fdbHB"), st.sampled_from([(0.0, 0.0), (1e-3, 1e-5)]), st.booleans())
def test_chunks_are_compared_alike(
    cut: tuple[int, int, int], code: str, tolerance: tuple[float, float], is_kept: bool
) -> None:
    seed, count, offset = cut
    a, b = (finite_of(code, values_of(code, seed + n, count), is_kept=is_kept) for n in (0, 1))
    b[: count // 2] = a[: count // 2]
    found = compared(shifted(a, offset), shifted(b, (3 * offset) % 8), code, tolerance)
    assert found is not None or (is_kept and code not in "fd")


SPECIAL = {
    "NaN": [1.0, math.nan],
    "infinity": [1.0, math.inf],
    "squares that overflow": [1e300, -1e300],
}


@pytest.mark.parametrize("values", SPECIAL.values(), ids=SPECIAL)
@pytest.mark.parametrize("side", [0, 1])
def test_what_has_no_distance_is_left_to_the_slow_way(values: list[float], side: int) -> None:
    sides = [np.ones(2), np.array(values)]
    a, b = (memoryview(each.tobytes()) for each in (sides[side], sides[1 - side]))
    assert compared(a, b, "d", (0.0, 0.0)) is None


@given(st.binary(max_size=40), st.binary(max_size=40), st.booleans())
def test_bytes_are_the_same_or_not(one: bytes, other: bytes, is_same: bool) -> None:
    other = bytes(one) if is_same else other
    a, b = memoryview(b"\0" + one)[1:], memoryview(b"\0\0\0" + other)[3:]
    assert served_by("compiled").same(a, b) == twin.same(a, b) == (one == other)


RAW, COUNTS = memoryview(bytes(16)), np.zeros(1 << 16, np.uint32)
ALLOWED = (0.0, 0.0)
ERRORS: dict[str, tuple[str, tuple[object, ...], str]] = {
    "a small table of bytes": ("count_bytes", (RAW, COUNTS[:255]), "256 keys"),
    "a large table of bytes": ("count_bytes", (RAW, COUNTS), "256 keys"),
    "a small table of halves": ("count_halves", (RAW, COUNTS[:-1]), "65536 keys"),
    "a small table of a scan": ("scan", (RAW, "f", COUNTS[:256]), "65536 keys"),
    "an unknown kind to scan": ("scan", (RAW, "x", COUNTS), "the code x"),
    "a kind that is not scanned": ("scan", (RAW, "b", COUNTS), "only wide floats"),
    "an unknown kind to compare": ("compare", (RAW, RAW, "x", NO_LOOKUP, ALLOWED), "the code x"),
    "chunks of unequal size": ("compare", (RAW, RAW[:8], "f", NO_LOOKUP, ALLOWED), "unequal"),
    "no table to look up": ("compare", (RAW, RAW, "H", NO_LOOKUP, ALLOWED), "too small"),
}


@pytest.mark.parametrize(("name", "arguments", "message"), ERRORS.values(), ids=ERRORS)
def test_what_would_read_or_write_elsewhere_is_refused(
    name: str, arguments: tuple[object, ...], message: str
) -> None:
    function: Callable[..., object] = getattr(served_by("compiled"), name)
    with pytest.raises(ValueError, match=message):
        function(*arguments)
    assert not COUNTS.any()
