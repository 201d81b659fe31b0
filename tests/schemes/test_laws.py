"""Every law says what its scheme draws: its moments, its support and its distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from initcli.engine.draw import draw_tensor
from initcli.schemes import law as laws
from initcli.schemes.law import Fixed, Law
from raw import draw_of

GRID = np.linspace(-6, 9, 301)
WINDOWS = [
    (0, 1, -2, 2),
    (0, 1, -1, 1),
    (0, 1, -3, 3),
    (0, 0.02, -2, 2),
    (0, 0.02, -0.04, 0.04),
    (1, 2, 0, 9),
    (0, 1, 0.5, 3),
    (0, 1, 3, 5),
    (0, 1, 8, 9),
    (5, 1, -4, -2),
    (0, 1, -1e-3, 1e-3),
    (0, 1, -9, 0),
    (0, 1, -20, 0.5),
    (0, 1, 4, 1e6),
]


def windowed_moment(window: tuple[float, float, float, float], centre: float, order: int) -> float:
    """Integrates (x − centre)^order over the truncated density by adaptive quadrature."""
    mean, std, low, high = window
    mode = min(max(mean, low), high)
    reach = 12 * std if low <= mean <= high else 40 * std**2 / abs(mode - mean)
    ends = max(low, mode - reach), min(high, mode + reach)

    def density(x: float) -> float:
        return math.exp(((mode - mean) ** 2 - (x - mean) ** 2) / (2 * std**2))

    def weighted(x: float) -> float:
        return density(x) * (x - centre) ** order

    scale = (ends[1] - ends[0]) ** order
    above = integrate.quad(weighted, *ends, epsabs=1e-13 * scale, limit=500)[0]
    return float(above / integrate.quad(density, *ends, epsabs=1e-14, limit=500)[0])


@pytest.mark.parametrize("window", WINDOWS)
def test_truncated_normal_moments_are_those_of_its_density(
    window: tuple[float, float, float, float],
) -> None:
    law = laws.truncated_normal(*window)
    mean = windowed_moment(window, 0, 1)
    second, fourth, sixth = (windowed_moment(window, mean, order) for order in (2, 4, 6))
    assert law.mean == pytest.approx(mean, rel=1e-9, abs=1e-12)
    assert law.variance == pytest.approx(second, rel=1e-7)
    assert law.kurtosis == pytest.approx(fourth / second**2, rel=1e-6)
    assert law.sixth == pytest.approx(sixth / second**3, rel=1e-6)
    assert law.support == window[2:]


@pytest.mark.parametrize("window", [window for window in WINDOWS if window[3] < 10])
def test_truncated_normal_is_that_of_scipy(window: tuple[float, float, float, float]) -> None:
    mean, std, low, high = window
    law = laws.truncated_normal(*window)
    reference = stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)
    inside = np.linspace(low, high, 101)
    assert law.cdf is not None
    np.testing.assert_allclose(law.cdf(inside), reference.cdf(inside), rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(law.cdf(np.array([low - 1, high + 1])), [0, 1])
    assert law.mean == pytest.approx(reference.mean(), rel=1e-9, abs=1e-12)
    assert law.variance == pytest.approx(reference.var(), rel=1e-6)


REFERENCES = {
    "uniform(-0.3, 0.7)": stats.uniform(-0.3, 1),
    "uniform(2, 9)": stats.uniform(2, 7),
    "normal": stats.norm(),
    "normal(-1, 0.02)": stats.norm(-1, 0.02),
}


@pytest.mark.parametrize(("text", "reference"), REFERENCES.items())
def test_plain_laws_are_those_of_scipy(text: str, reference: stats.rv_continuous) -> None:
    law = draw_of(text, (3, 3)).law
    mean, variance, kurtosis = reference.stats("mvk")
    assert law.mean == pytest.approx(mean)
    assert law.variance == pytest.approx(variance)
    assert law.kurtosis == pytest.approx(kurtosis + 3)
    sixth = reference.expect(lambda x: ((x - mean) ** 2 / variance) ** 3)
    assert law.sixth == pytest.approx(sixth, rel=1e-6)
    assert law.support == pytest.approx(reference.support())
    assert law.cdf is not None
    np.testing.assert_allclose(law.cdf(GRID), reference.cdf(GRID), atol=1e-15)


@pytest.mark.parametrize(
    ("c", "share", "kurtosis"),
    [
        (1, 0.2911250948, 1.940920),
        (2, 0.7737413035, 2.365537),
        (3, 0.9733369247, 2.828886),
    ],
)
def test_symmetric_truncation_has_the_known_constants(
    c: float, share: float, kurtosis: float
) -> None:
    law = laws.truncated_normal(0, 1, -c, c)
    assert law.variance == pytest.approx(share, abs=1e-10)
    assert law.kurtosis == pytest.approx(kurtosis, abs=1e-6)


@pytest.mark.parametrize("length", [2, 3, 16, 1000])
def test_an_orthogonal_entry_is_a_coordinate_on_the_sphere(length: int) -> None:
    law = laws.orthogonal(2, length)
    x = np.linspace(-2, 2, 81)
    assert law.cdf is not None
    expected = (1 + np.sign(x) * stats.beta.cdf(x**2 / 4, 0.5, (length - 1) / 2)) / 2
    np.testing.assert_allclose(law.cdf(x), expected, atol=1e-12)
    # E u^2k of a coordinate is the moment of Beta(1/2, (N − 1)/2).
    second, fourth, sixth = (
        special.beta(0.5 + k, (length - 1) / 2) / special.beta(0.5, (length - 1) / 2)
        for k in (1, 2, 3)
    )
    assert law.kurtosis == pytest.approx(fourth / second**2)
    assert law.sixth == pytest.approx(sixth / second**3)
    assert law.support == pytest.approx((-2, 2))


@pytest.mark.parametrize("shape", [(16, 16), (4, 64), (64, 4), (8, 2, 3, 3)])
def test_orthogonal_fixes_its_energy(shape: tuple[int, ...]) -> None:
    draw = draw_of("orthogonal(gain=1.5)", shape)
    values = draw_tensor(draw, shape, 0, "w").double()
    matrix = values.flatten(1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert float(values.square().mean()) == pytest.approx(draw.law.variance, rel=1e-5)
    torch.testing.assert_close(gram, 2.25 * torch.eye(len(gram)).double(), rtol=0, atol=1e-5)
    assert draw.law.fixed is Fixed.ENERGY


PATTERNS = [
    ("eye", (6, 9)),
    ("eye", (9, 6)),
    ("eye", (2, 2)),
    ("dirac", (8, 4, 3)),
    ("dirac(2)", (8, 4, 3, 2)),
    ("dirac(8)", (8, 1, 3, 3, 3)),
    ("constant(-0.25)", (3, 3)),
    ("ones", (5,)),
    ("zeros", (5,)),
    ("eye", (1, 1)),
]


@pytest.mark.parametrize(("text", "shape"), PATTERNS)
def test_a_pattern_has_exactly_the_moments_of_its_law(text: str, shape: tuple[int, ...]) -> None:
    draw = draw_of(text, shape)
    values = draw_tensor(draw, shape, 0, "w").double().numpy()
    assert draw.law.fixed is Fixed.EVERYTHING
    assert values.mean() == pytest.approx(draw.law.mean, rel=1e-12)
    assert values.var() == pytest.approx(draw.law.variance, rel=1e-12)
    if draw.law.variance:
        assert stats.kurtosis(values, axis=None, fisher=False) == pytest.approx(draw.law.kurtosis)
        assert stats.moment(values, 6, axis=None) / values.var() ** 3 == pytest.approx(
            draw.law.sixth
        )


SAMPLED = [
    "uniform(-1, 3)",
    "normal(2, 0.5)",
    "trunc_normal",
    "trunc_normal(0, 1, 0.5, 3)",
    "trunc_normal(1, 2, 0, 9)",
    "xavier_uniform",
    "xavier_normal(gain=tanh)",
    "kaiming_uniform(a=2.2360679774997896)",
    "kaiming_normal(mode=fan_out, nonlinearity=relu)",
    "sparse(0.3)",
]


@pytest.mark.parametrize("text", SAMPLED)
def test_a_large_draw_has_the_moments_of_its_law(text: str) -> None:
    # Six standard errors in three statistics of ten draws: a false alarm in 10⁷ seeds.
    shape = (1000, 500)
    draw = draw_of(text, shape)
    values = draw_tensor(draw, shape, 5, "w").double().numpy().ravel()
    unit, count = (values - draw.law.mean) / draw.law.std, values.size
    assert abs(unit.mean()) < 6 / math.sqrt(count)
    assert abs((unit**2).mean() - 1) < 6 * math.sqrt((draw.law.kurtosis - 1) / count)
    assert abs((unit**4).mean() - draw.law.kurtosis) < 6 * (unit**4).std() / math.sqrt(count)
    assert abs((unit**6).mean() - draw.law.sixth) < 8 * (unit**6).std() / math.sqrt(count)
    low, high = draw.law.support
    assert low - 1e-6 <= values.min()
    assert values.max() <= high + 1e-6


@pytest.mark.parametrize("text", [*SAMPLED, "orthogonal"])
def test_a_draw_follows_the_distribution_of_its_law(text: str) -> None:
    # Kolmogorov-Smirnov at p < 1e-5 for eleven laws: a false alarm in 10⁴ seeds.
    shape = (300, 300)
    draw = draw_of(text, shape)
    values = draw_tensor(draw, shape, 6, "w").double().numpy().ravel()
    kept = values[values != 0] if draw.law.random_share < 1 else values
    share = draw.law.random_share

    def dense(x: np.ndarray) -> np.ndarray:
        assert draw.law.cdf is not None
        return (draw.law.cdf(x) - (1 - share) * (x >= 0)) / share

    assert kept.size == pytest.approx(share * values.size)
    assert stats.kstest(kept, dense).pvalue > 1e-5


@pytest.mark.parametrize(
    "text",
    ["normal(3, 0)", "normal(3, 1e-200)", "uniform(3, 3)", "uniform(3, 3.0000000000000004)"],
)
def test_a_law_without_spread_is_a_constant(text: str) -> None:
    law = draw_of(text, (4, 4)).law
    assert (law.mean, law.variance) == pytest.approx((3, 0), abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "orthogonal(0)",
        "orthogonal(1e-200)",
        "sparse(1)",
        "sparse(.5, 0)",
        "sparse(0.5, 1e-200)",
        "xavier_normal(0)",
        "xavier_uniform(0)",
    ],
)
def test_a_scale_of_zero_is_all_zeros(text: str) -> None:
    assert draw_of(text, (4, 4)).law == laws.constant(0.0)


def test_laws_compare_without_their_distribution_functions() -> None:
    assert laws.normal(0, 1) == laws.normal(0, 1)
    assert laws.normal(0, 1) != laws.normal(0, 2)
    assert isinstance(hash(laws.uniform(0, 1)), int)
    assert isinstance(laws.normal(0, 1), Law)
