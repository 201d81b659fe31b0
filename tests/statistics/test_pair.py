from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from initcli.core.dtypes import DTYPES
from initcli.statistics.decode import TILE
from initcli.statistics.pair import Distance, PairSummary, Tolerance
from initcli.statistics.pair_fold import compare_values
from raw import bits, decoded, every_pattern, stored

EXACT = Tolerance(0.0, 0.0)
RNG = np.random.default_rng(1)


def compared(
    a: ArrayLike, code_a: str, b: ArrayLike, code_b: str, tolerance: Tolerance = EXACT
) -> PairSummary:
    return between(stored(a, code_a), code_a, stored(b, code_b), code_b, tolerance)


def between(
    raw_a: memoryview, code_a: str, raw_b: memoryview, code_b: str, tolerance: Tolerance = EXACT
) -> PairSummary:
    return compare_values(raw_a, DTYPES[code_a], raw_b, DTYPES[code_b], tolerance)


@pytest.mark.parametrize("code_a", ["F32", "F64", "BF16", "F8_E4M3", "I16"])
@pytest.mark.parametrize("code_b", ["F32", "F16", "F8_E5M2", "U8"])
@pytest.mark.parametrize("count", [1, 1000, TILE + 1])
def test_distances_agree_with_numpy_in_float64(code_a: str, code_b: str, count: int) -> None:
    raw_a = stored(np.abs(RNG.normal(0, 30, count)), code_a)
    raw_b = stored(np.abs(RNG.normal(0, 30, count)), code_b)
    a, b = decoded(raw_a, DTYPES[code_a]), decoded(raw_b, DTYPES[code_b])
    distance = between(raw_a, code_a, raw_b, code_b).distance
    norm = np.linalg.norm
    assert distance.compared == count
    assert distance.unequal == distance.beyond == (a != b).sum()
    assert distance.largest == np.abs(a - b).max()
    assert distance.mean_absolute == pytest.approx(np.abs(a - b).mean(), rel=1e-12)
    assert distance.relative == pytest.approx(norm(a - b) / norm(a) if a.any() else math.inf)
    cosine = a @ b / (norm(a) * norm(b)) if a.any() and b.any() else math.nan
    assert distance.cosine == pytest.approx(cosine, nan_ok=True)


@pytest.mark.parametrize("code_a", ["F32", "F64", "BF16", "F16", "F8_E4M3", "I16"])
@pytest.mark.parametrize("code_b", ["F32", "F64", "BF16", "F16", "F8_E4M3", "I16"])
def test_a_sign_flips_where_neither_value_is_zero(code_a: str, code_b: str) -> None:
    raw_a, raw_b = (stored(RNG.normal(0, 2, 5000).round(1), code) for code in (code_a, code_b))
    a, b = decoded(raw_a, DTYPES[code_a]), decoded(raw_b, DTYPES[code_b])
    expected = int(((np.sign(a) != np.sign(b)) & (a != 0) & (b != 0)).sum())
    assert between(raw_a, code_a, raw_b, code_b).distance.sign_flips == expected > 900


def test_zeros_and_what_is_not_finite_flip_no_sign() -> None:
    a, b = [0.0, -0.0, -1.0, math.nan, math.inf, -2.0], [1.0, -1.0, 0.0, -1.0, -1.0, 2.0]
    assert compared(a, "F32", b, "F32").distance.sign_flips == 1


def test_complex_distances_agree_with_numpy() -> None:
    a, b = (RNG.normal(size=50) + 1j * RNG.normal(size=50) for _ in range(2))
    a, b = a.astype(np.complex64), b.astype(np.complex64)
    distance = compared(a, "C64", b, "C64").distance
    wide_a, wide_b = a.astype(np.complex128), b.astype(np.complex128)
    assert distance.squared == pytest.approx(float((np.abs(wide_a - wide_b) ** 2).sum()))
    assert distance.product == pytest.approx(float(np.vdot(wide_b, wide_a).real))


VALUES = st.one_of(
    st.floats(width=32),
    st.sampled_from([0.0, -0.0, 1.0, 1.001, 1.01, -1.0, math.nan, math.inf, -math.inf]),
)


@given(
    st.sampled_from(["float64", "float32", "bfloat16", "float16", "int32"]),
    st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=8),
    st.sampled_from([0.0, 1e-5, 1e-3, 0.5]),
    st.sampled_from([0.0, 1e-8, 1e-3, 2.0]),
    st.booleans(),
)
def test_tolerance_is_that_of_torch_assert_close(
    name: str,
    values: list[tuple[float, float]],
    relative: float,
    absolute: float,
    equal_nan: bool,
) -> None:
    # The reference runs on float64, as initcli does; in float32 torch rounds at the very edge.
    dtype = getattr(torch, name)
    finite = [[v if math.isfinite(v) else 0.0 for v in pair] for pair in values]
    clipped = np.clip(finite if name == "int32" else values, -1e9, 1e9)
    pairs = torch.tensor(clipped if name == "int32" else values, dtype=torch.float64).to(dtype)
    code = {"float64": "F64", "float32": "F32", "bfloat16": "BF16", "float16": "F16"}
    a, b = (
        memoryview(
            side.clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes()
        )
        for side in pairs.T
    )
    tolerance = Tolerance(relative, absolute, equal_nan)
    found = between(a, code.get(name, "I32"), b, code.get(name, "I32"), tolerance)
    one, other = pairs.double().T
    try:
        torch.testing.assert_close(one, other, rtol=relative, atol=absolute, equal_nan=equal_nan)
        is_close = True
    except AssertionError:
        is_close = False
    # Equal bytes are identical by an earlier question, NaN or not.
    assert found.same_bytes or is_close == (not found.distance.beyond)


def test_the_relative_tolerance_is_relative_to_b() -> None:
    tolerance = Tolerance(0.5, 0.0)
    assert compared([2.0], "F32", [1.0], "F32", tolerance).distance.beyond == 1
    assert compared([1.0], "F32", [2.0], "F32", tolerance).distance.beyond == 0


CASTS = [
    ("BF16", "F32"),
    ("F16", "F32"),
    ("F8_E4M3", "F32"),
    ("F8_E5M2", "F32"),
    ("F16", "F64"),
    ("BF16", "F64"),
    ("F8_E4M3", "F64"),
    ("F32", "F64"),
    ("F8_E4M3FNUZ", "F32"),
    ("F8_E5M2FNUZ", "F32"),
]


@pytest.mark.parametrize(("narrow", "wide"), CASTS)
def test_what_torch_casts_is_equal_after_the_cast_and_not_before(narrow: str, wide: str) -> None:
    scale = torch.logspace(-9, 2, 12, dtype=torch.float64)
    values = torch.randn(12, 4000, generator=torch.Generator().manual_seed(0)).double()
    original = (values * scale[:, None]).reshape(-1).to(getattr(torch, DTYPES[wide].torch))
    cast = original.to(getattr(torch, DTYPES[narrow].torch))
    fits = cast.float().isfinite()
    original, cast = original[fits], cast[fits]
    raw_a, raw_b = (
        memoryview(each.view(torch.uint8).numpy().tobytes()) for each in (cast, original)
    )
    distance = between(raw_a, narrow, raw_b, wide).distance
    assert distance.unequal_as_a == 0
    assert distance.unequal_as_b == distance.unequal > 40_000


@pytest.mark.parametrize("narrow", ["F16", "BF16", "F8_E5M2", "F8_E4M3FNUZ"])
def test_a_value_that_overflows_is_lost_and_no_equality(narrow: str) -> None:
    original = torch.tensor([1.0, 3.4e38, 0.5])
    cast = original.to(getattr(torch, DTYPES[narrow].torch))
    raw_a, raw_b = (
        memoryview(each.view(torch.uint8).numpy().tobytes()) for each in (cast, original)
    )
    distance = between(raw_a, narrow, raw_b, "F32").distance
    assert (distance.unequal_as_a, distance.incomparable, distance.beyond) == (1, 1, 1)


@pytest.mark.parametrize(("narrow", "wide"), CASTS)
def test_one_changed_value_is_not_equal_after_a_cast(narrow: str, wide: str) -> None:
    a, b = np.linspace(-1, 1, 9), np.linspace(-1, 1, 9)
    b[3] *= 3
    assert compared(a, narrow, b, wide).distance.unequal_as_a == 1


def test_a_truncated_float_is_not_equal_to_its_integer() -> None:
    distance = compared([1, 2, 3], "I32", [1.0, 2.5, 3.0], "F32").distance
    assert (distance.unequal, distance.unequal_as_a, distance.unequal_as_b) == (1, 1, 1)


@pytest.mark.parametrize("code", ["BF16", "F16", "F8_E5M2", "F8_E4M3", "F8_E8M0"])
def test_the_same_bytes_are_identical_whatever_they_mean(code: str) -> None:
    pair = between(every_pattern(code), code, every_pattern(code), code)
    assert pair.same_bytes
    assert pair.distance.relative == 0.0
    assert pair.distance.cosine == pytest.approx(1.0)


def test_nan_differs_from_everything_and_agrees_only_after_a_cast() -> None:
    distance = compared([math.nan, 1], "BF16", [math.nan, 1], "F32").distance
    assert (distance.unequal, distance.beyond, distance.unequal_as_a) == (1, 1, 0)


def test_nans_of_other_bits_are_not_the_same_bytes() -> None:
    pair = between(bits([0x7FC00000], "F32"), "F32", bits([0x7FC00001], "F32"), "F32")
    assert (pair.same_bytes, pair.distance.unequal) == (False, 1)


@pytest.mark.parametrize("code", ["F32", "F64", "BF16", "F16", "F8_E4M3", "C64"])
def test_nan_equals_nan_only_if_asked(code: str) -> None:
    a, b = [math.nan, math.nan, 1.0, 2.0], [math.nan, 3.0, math.nan, 2.0]
    for is_asked in (False, True):
        tolerance = Tolerance(0.0, 0.0, equal_nan=is_asked)
        distance = compared(a, code, b, code, tolerance).distance
        expected = torch.isclose(
            torch.tensor(a), torch.tensor(b), rtol=0, atol=0, equal_nan=is_asked
        ).logical_not()
        assert distance.unequal == distance.beyond == distance.incomparable == expected.sum()


def test_nan_of_other_bits_and_in_other_dtypes_is_nan() -> None:
    tolerance = Tolerance(0.0, 0.0, equal_nan=True)
    raws = bits([0x7FC00000], "F32"), bits([0xFFC00001], "F32")
    pair = between(raws[0], "F32", raws[1], "F32", tolerance)
    assert (pair.same_bytes, pair.distance.unequal) == (False, 0)
    distance = compared([math.nan, 1], "BF16", [math.nan, 1], "F32", tolerance).distance
    assert (distance.unequal, distance.beyond) == (0, 0)


def test_both_zeros_are_equal_and_not_identical() -> None:
    pair = compared([0.0, 1.0], "F32", [-0.0, 1.0], "F32")
    assert (pair.same_bytes, pair.distance.unequal, pair.distance.beyond) == (False, 0, 0)


def test_infinities_agree_by_sign() -> None:
    distance = compared([math.inf, math.inf, 1], "F32", [math.inf, -math.inf, 1.5], "F32").distance
    assert (distance.compared, distance.unequal, distance.beyond) == (1, 2, 2)


@pytest.mark.parametrize(("code_a", "code_b"), [("I64", "U64"), ("I64", "I64"), ("U64", "U64")])
def test_neighbouring_integers_beyond_float64_are_told_apart(code_a: str, code_b: str) -> None:
    a, b = np.array([2**53, 2**62, 7]), np.array([2**53 + 1, 2**62 + 1, 7])
    assert compared(a, code_a, b, code_b).distance.unequal == 2


def test_a_negative_integer_is_no_large_one() -> None:
    raw_a, raw_b = stored(np.array([-1]), "I64"), bits(np.array([2**64 - 1], np.uint64), "U64")
    assert between(raw_a, "I64", raw_b, "U64").distance.unequal == 1


EDGES = {
    "nothing": (Distance(), math.nan, math.nan),
    "both vanish": (Distance(compared=2), 0.0, math.nan),
    "only a vanishes": (Distance(compared=2, squared=1, squares_b=1), math.inf, math.nan),
    "squares overflow": (
        Distance(1, squared=1, squares_a=math.inf, squares_b=math.inf, product=-math.inf),
        0.0,
        math.nan,
    ),
    "rounding beyond one": (
        Distance(1, squares_a=1, squares_b=1, product=-1 - 1e-15),
        0.0,
        -1.0,
    ),
}


@pytest.mark.parametrize(("distance", "relative", "cosine"), EDGES.values(), ids=EDGES)
def test_distances_at_the_edges(distance: Distance, relative: float, cosine: float) -> None:
    assert distance.relative == pytest.approx(relative, nan_ok=True)
    assert distance.cosine == pytest.approx(cosine, nan_ok=True, abs=0)


@pytest.mark.parametrize("codes", [("F32", "F16"), ("F32", "F32"), ("BF16", "BF16")], ids=str)
def test_constants_have_no_spread_beside_others(codes: tuple[str, str]) -> None:
    pair = compared(np.full(20_011, 0.1), codes[0], RNG.normal(0, 1, 20_011), codes[1])
    assert pair.a.variance == 0.0
    assert pair.b.variance > 0.9
