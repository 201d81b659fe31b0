"""The truncated normal that draws again what falls outside has the exact law, tails included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from initcli.core.errors import OptionError
from initcli.engine.draw import draw_tensor
from raw import draw_of

# Bounds in standard deviations; the last three are drawn by inversion.
WINDOWS = [
    (-2.0, 2.0, 10_000_000),
    (-1.0, 3.0, 2_000_000),
    (0.0, 9.0, 2_000_000),
    (-4.5, -0.5, 2_000_000),
    (-0.05, 0.05, 1_000_000),
    (4.0, 6.0, 1_000_000),
    (30.0, 31.0, 1_000_000),
]


@pytest.mark.parametrize(("low", "high", "count"), WINDOWS)
def test_draws_follow_the_law_to_its_last_hundred_thousandth(
    low: float, high: float, count: int
) -> None:
    # Kolmogorov-Smirnov and two counts near each bound, at p < 1e-7 in seven windows: a false
    # alarm in 200,000 seeds.
    draw = draw_of(f"truncated_normal(low={low}, high={high})", (count,))
    values = draw_tensor(draw, (count,), 3, "w").numpy().astype(np.float64)
    expected = stats.truncnorm(low, high)
    assert low <= values.min()
    assert values.max() <= high
    assert draw.law.cdf is not None
    assert stats.kstest(values, draw.law.cdf).pvalue > 1e-7
    for share in (1e-5, 1e-3):
        below, above = between(expected.ppf(share)), between(expected.isf(share))
        counts = int((values < below).sum()), int((values > above).sum())
        shares = expected.cdf(below), expected.sf(above)
        for found, probability in zip(counts, shares, strict=True):
            assert stats.binomtest(found, count, float(probability)).pvalue > 1e-7


def between(value: float) -> float:
    """Returns the midpoint of two float32 numbers that is nearest above: rounding leaves its side.

    Far out, the outermost hundred thousandth of the law is narrower than float32's spacing.
    """
    below = np.float32(value)
    return (float(below) + float(np.nextafter(below, np.float32(np.inf)))) / 2


@pytest.mark.parametrize(("low", "high"), [window[:2] for window in WINDOWS])
def test_the_law_is_that_of_scipy(low: float, high: float) -> None:
    law = draw_of(f"truncated_normal(3, 0.5, {low}, {high})", (4,)).law
    expected = stats.truncnorm(low, high, 3, 0.5)
    x = np.linspace(*law.support, 41)
    assert law.cdf is not None
    np.testing.assert_allclose(law.cdf(x), expected.cdf(x), atol=1e-10)
    assert law.mean == pytest.approx(expected.mean(), rel=1e-9)
    assert law.std == pytest.approx(expected.std(), rel=1e-5)
    assert law.support == pytest.approx((3 + 0.5 * low, 3 + 0.5 * high))


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-2, 2), (0, 3), (4, 6)])
def test_a_corrected_law_has_the_variance_that_was_asked_for(low: float, high: float) -> None:
    law = draw_of(f"truncated_normal(0, 0.3, {low}, {high}, corrected=true)", (4,)).law
    assert law.std == pytest.approx(0.3, rel=1e-12)
    wide = 0.3 / stats.truncnorm(low, high).std()
    assert law.support == pytest.approx((low * wide, high * wide), rel=1e-5)


@pytest.mark.parametrize("bounds", ["-3e38, 3e38", "-8.5, 9", "-3e38, 0"])
def test_bounds_may_be_as_far_as_float32_goes(bounds: str) -> None:
    draw = draw_of(f"truncated_normal(0, 2, {bounds})", (1000,))
    values = draw_tensor(draw, (1000,), 0, "w").numpy()
    assert np.isfinite(values).all()
    assert values.std() > 1


@pytest.mark.parametrize(
    "text",
    [
        "truncated_normal(low=2, high=1)",
        "truncated_normal(low=1, high=1)",
        "truncated_normal(std=0)",
        "truncated_normal(std=-1)",
        "truncated_normal(std=1e-200)",
        "truncated_normal(low=40, high=50)",
        "truncated_normal(low=-1e9, high=-100)",
        "truncated_normal(corrected=maybe)",
    ],
)
def test_what_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        draw_of(text, (4,))
