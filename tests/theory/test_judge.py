"""Verdicts hold what they promise: few false alarms, and the power that theory allows."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy import stats

from initcli.core.dtypes import DTYPES
from initcli.engine.draw import draw_tensor
from initcli.models.torch_bytes import chunks_of
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.schemes.registry import Draw
from initcli.statistics.fold import nothing, summarise
from initcli.statistics.summary import Summary
from initcli.theory.judge import Judgment, judge
from raw import DRAWABLE, draw_of, stored

RANDOM = [
    "normal(0, 0.02)",
    "normal(0, 0.0014433756729740645)",
    "uniform(0, 1)",
    "trunc_normal(0, 0.02, -0.04, 0.04)",
    "trunc_normal(0, 1, 0, 3)",
    "kaiming_uniform(a=2.2360679774997896)",
    "kaiming_normal(mode=fan_out)",
    "xavier_normal",
    "sparse(0.5)",
]
REPEATS = {(4, 4): 20, (8, 8): 20, (16, 64): 12, (128, 128): 6, (256, 256): 2}
CODES = ["F32", "BF16", "F16", "F8_E4M3", "F8_E5M2"]


def summary_of(values: torch.Tensor, code: str) -> Summary:
    dtype = DTYPES[code]
    return sum((summarise(part, dtype) for part in chunks_of(values, dtype)), nothing(dtype))


def drawn(draw: Draw, shape: tuple[int, ...], code: str, seed: int) -> Summary:
    return summary_of(draw_tensor(draw, shape, seed, "w"), code)


def judged(
    text: str, shape: tuple[int, ...], code: str, seed: int, law: Law | None = None
) -> Judgment:
    draw = draw_of(text, shape)
    return judge(law or draw.law, DTYPES[code], drawn(draw, shape, code, seed))


def test_p_values_of_fresh_draws_are_calibrated() -> None:
    """Holds the shares of 2,700 draws to binomial bands.

    The bands are those of probability 1e-5 on either side; their own false alarm is below 1e-4.
    """
    cases = itertools.product(RANDOM, REPEATS.items(), CODES)
    repeated = [case for case in cases for _ in range(case[1][1])]
    found = [
        judged(text, shape, code, seed) for seed, (text, (shape, _), code) in enumerate(repeated)
    ]
    for name in ("mean", "variance"):
        p_values = [getattr(each, name).p for each in found]
        for level in (0.05, 0.001):
            low, high = stats.binom.ppf([1e-5, 1 - 1e-5], len(p_values), level)
            count = sum(p < level for p in p_values)
            assert low <= count <= high, (name, level, count)


RARE = ["normal(0, 2.6e-4)", "normal(0, 3.5e-4)", "normal(0, 3e-5)", "uniform(-.001, .001)"]


@pytest.mark.parametrize("shape", [(4, 4), (8, 8), (32, 32)])
@pytest.mark.parametrize("text", RARE)
def test_the_few_values_that_do_not_underflow_raise_no_alarm(
    text: str, shape: tuple[int, ...]
) -> None:
    # P(more than 8 of 600 below .001) < 2e-7 a statistic if calibrated: a false alarm in 10⁵.
    found = [judged(text, shape, "F8_E4M3", seed) for seed in range(600)]
    assert sum(each.mean.p < 1e-3 for each in found) <= 8
    assert sum(each.variance.p < 1e-3 for each in found) <= 8


WRONG = [
    ("normal", 2.0),
    ("normal", 1.2),
    ("normal", 0.9),
    ("uniform", 2.0),
    ("uniform", 1.2),
    ("uniform", 0.9),
]


@pytest.mark.parametrize("code", ["F32", "BF16"])
@pytest.mark.parametrize(("family", "ratio"), WRONG)
def test_a_wrong_scale_is_found_with_the_power_theory_promises(
    family: str, ratio: float, code: str
) -> None:
    """Draws at the size where a test at .001 should find 99 % of wrong scales.

    n = ((z_α + z_β)/(2 ln r))²(κ − 1), and half as much again, as the formula is a limit.
    Fewer than 180 of 200 found has probability below 1e-12 at a power of .99.
    """
    wanted = {"normal": laws.normal(0, 0.05), "uniform": laws.uniform(-0.05, 0.05)}[family]
    z = stats.norm.isf(0.0005) + stats.norm.isf(0.01)
    count = math.ceil(1.5 * (z / (2 * math.log(ratio))) ** 2 * (wanted.kurtosis - 1))
    scale = 0.05 * ratio
    text = f"normal(0, {scale})" if family == "normal" else f"uniform({-scale}, {scale})"
    found = [judged(text, (count,), code, seed, wanted).variance.p for seed in range(200)]
    assert sum(p < 0.001 for p in found) >= 180


SQUARE = {
    "kaiming_normal": [
        "xavier_normal",
        "kaiming_normal(nonlinearity=linear)",
        "kaiming_uniform(1)",
    ],
    "xavier_uniform": ["kaiming_uniform(2.23606797749979)", "xavier_uniform(relu)"],
}


@pytest.mark.parametrize(
    ("true", "claimed"), [(true, wrong) for true, others in SQUARE.items() for wrong in others]
)
def test_a_wrong_gain_of_a_real_layer_is_found(true: str, claimed: str) -> None:
    # Variance ratios of √3 and more at n = 16,384 lie forty standard errors off.
    wrong = judged(true, (128, 128), "BF16", 0, draw_of(claimed, (128, 128)).law)
    assert wrong.variance.p < 1e-12
    assert judged(true, (128, 128), "BF16", 0).variance.p > 1e-6


def test_a_wrong_fan_of_a_rectangular_layer_is_found() -> None:
    other = draw_of("kaiming_normal(mode=fan_out)", (48, 96)).law
    assert judged("kaiming_normal", (48, 96), "F32", 0, other).variance.p < 1e-12


def test_a_shifted_mean_is_found() -> None:
    # The shift is ten standard errors of the mean.
    found = judged("normal(0.1, 1)", (100, 100), "F32", 0, laws.normal(0, 1))
    assert found.mean.p < 1e-9
    assert found.mean.z == pytest.approx(10, abs=4)


STRUCTURED = [
    ("orthogonal", (64, 64)),
    ("orthogonal(gain=relu)", (32, 8, 3, 3)),
    ("orthogonal", (8, 128)),
    ("eye", (16, 40)),
    ("eye", (1, 1)),
    ("dirac", (16, 8, 3, 3)),
    ("dirac(2)", (16, 8, 3)),
    ("constant(0.1)", (5, 7)),
    ("constant(-3e-3)", (5,)),
    ("ones", (9,)),
    ("zeros", (9, 9)),
    ("xavier_normal(0)", (9, 9)),
    ("sparse(1)", (9, 9)),
]


@pytest.mark.parametrize("code", DRAWABLE)
@pytest.mark.parametrize(("text", "shape"), STRUCTURED)
def test_structure_passes_against_itself_in_every_dtype(
    text: str, shape: tuple[int, ...], code: str
) -> None:
    found = judged(text, shape, code, 0)
    assert min(found.mean.p, found.variance.p) > 1e-6


NOT_THE_SAME = [
    ("orthogonal(0.9)", "orthogonal", (64, 64), "F32"),
    ("orthogonal(0.9)", "orthogonal", (64, 64), "BF16"),
    ("orthogonal(0.9999)", "orthogonal", (64, 64), "F32"),
    ("orthogonal", "eye", (64, 64), "F32"),
    ("ones", "zeros", (4, 4), "F32"),
    ("zeros", "ones", (4, 4), "BF16"),
    ("constant(0.1)", "constant(0.1001)", (4, 4), "F32"),
    ("constant(0.02)", "constant(0.0201)", (4, 4), "BF16"),
    ("constant(1.125)", "ones", (4, 4), "F8_E4M3"),
    ("constant(1e-30)", "zeros", (4, 4), "F32"),
    ("dirac", "dirac(2)", (8, 2, 3), "F32"),
]


@pytest.mark.parametrize(("true", "claimed", "shape", "code"), NOT_THE_SAME)
def test_what_is_fixed_has_no_room_to_be_off(
    true: str, claimed: str, shape: tuple[int, ...], code: str
) -> None:
    found = judged(true, shape, code, 0, draw_of(claimed, shape).law)
    assert min(found.mean.p, found.variance.p) == 0.0


@pytest.mark.parametrize("code", ["F32", "BF16", "F8_E5M2"])
def test_one_missing_entry_of_a_large_identity_is_found(code: str) -> None:
    values = torch.eye(256)
    values[3, 3] = 0
    found = judge(draw_of("eye", (256, 256)).law, DTYPES[code], summary_of(values, code))
    assert found.mean.p == 0.0


def test_the_ratio_is_measured_over_theory_as_drawn() -> None:
    found = judge(laws.normal(0, 2), DTYPES["F32"], summary_of(torch.tensor([1.0, -1.0]), "F32"))
    assert found.ratio == 0.25
    assert judged("zeros", (3,), "F32", 0).ratio is None


def test_z_is_in_standard_errors_and_p_in_chi_squared_tails() -> None:
    values = torch.tensor([3.0, -1.0, 1.0, 1.0])
    found = judge(laws.normal(0, 1), DTYPES["F64"], summary_of(values, "F64"))
    assert found.mean.z == pytest.approx(2)
    assert found.mean.p == pytest.approx(2 * stats.norm.sf(2))
    assert found.variance.z == pytest.approx((12 - 4) / math.sqrt(8))
    assert found.variance.p == pytest.approx(2 * stats.chi2.sf(12, 4))
    low = judge(laws.normal(0, 1), DTYPES["F64"], summary_of(values / 10, "F64"))
    assert low.variance.p == pytest.approx(2 * stats.chi2.cdf(0.12, 4))


def test_two_equal_values_have_no_random_energy() -> None:
    law, dtype = laws.uniform(1.0, 1.125), DTYPES["F8_E4M3"]
    found = judge(law, dtype, summarise(stored([1.0, 1.125] * 8, "F8_E4M3"), dtype))
    assert (found.variance.p, found.mean.p) == (1.0, 1.0)
    off = judge(law, dtype, summarise(stored([1.0, 1.25] * 8, "F8_E4M3"), dtype))
    assert off.variance.p == 0.0


@pytest.mark.parametrize("large", [2, 3, 5, 15, 16])
def test_tails_lean_as_the_squares_do(large: int) -> None:
    # Of 16 values each is ±2⁻⁹ with probability .66 and else 0: their energy is binomial.
    law, dtype = laws.uniform(-0.0029, 0.0029), DTYPES["F8_E4M3"]
    values = [2**-9, -(2**-9)] * (large // 2) + [2**-9] * (large % 2) + [0.0] * (16 - large)
    share = 1 - 2**-10 / 0.0029
    below, above = stats.binom.cdf(large, 16, share), stats.binom.sf(large - 1, 16, share)
    exact = 2 * min(below, above) - stats.binom.pmf(large, 16, share)
    found = judge(law, dtype, summarise(stored(values, "F8_E4M3"), dtype)).variance.p
    assert exact / 1.5 < found < 3.5 * exact


@pytest.mark.parametrize("scale", [1e-6, 3e-5, 1e-4])
def test_all_zeros_are_expected_where_everything_underflows(scale: float) -> None:
    found = judged(f"normal(0, {scale})", (16, 16), "F8_E4M3", 0)
    assert min(found.mean.p, found.variance.p) > 0.5


@pytest.mark.parametrize("text", ["normal", "sparse(.5)", "zeros", "orthogonal", "uniform"])
@pytest.mark.parametrize("size", [1e20, 1e100, 1e300])
def test_values_beyond_all_measure_are_off_and_no_error(size: float, text: str) -> None:
    summary = summarise(stored([size, size / 2], "F64"), DTYPES["F64"])
    found = judge(draw_of(text, (2, 1)).law, DTYPES["F64"], summary)
    assert found.variance.p == 0.0
    assert found.mean.p < 1e-12
