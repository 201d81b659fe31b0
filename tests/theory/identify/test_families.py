"""Where no scheme fits, a family is named that values do not speak against, its scale fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from identified import Floats, cast, counted
from initcli.schemes import law as laws
from initcli.theory.identify.families import fitted_family
from raw import DRAWABLE

COUNT = 20_000
LEVEL = 1e-6
RNG = np.random.default_rng(4)
FITTED: dict[str, tuple[Floats, laws.Law]] = {
    "normal": (RNG.normal(0, 0.0123, COUNT), laws.normal(0, 0.0123)),
    "normal off zero": (RNG.normal(0.7, 0.0123, COUNT), laws.normal(0.7, 0.0123)),
    "uniform": (RNG.uniform(-0.0321, 0.0321, COUNT), laws.uniform(-0.0321, 0.0321)),
    "uniform off zero": (RNG.uniform(0.1, 0.7, COUNT), laws.uniform(0.1, 0.7)),
    "within two": (
        stats.truncnorm.rvs(-2, 2, 0, 0.0123, COUNT, random_state=RNG),
        laws.truncated_normal(0, 0.0123, -0.0246, 0.0246),
    ),
    "within two off zero": (
        stats.truncnorm.rvs(-2, 2, 0.1, 0.0123, COUNT, random_state=RNG),
        laws.truncated_normal(0.1, 0.0123, 0.0754, 0.1246),
    ),
}


@pytest.mark.parametrize("case", FITTED)
@pytest.mark.parametrize("code", ["F64", "F32", "F16"])
def test_the_family_and_its_scale_are_found(case: str, code: str) -> None:
    """Standard deviations to 6 of their standard errors, 1/√(2n) of a normal law's."""
    values, truth = FITTED[case]
    found = fitted_family(counted(cast(values, code), code), LEVEL)
    assert found is not None
    assert found.family == truth.family
    assert found.std == pytest.approx(truth.std, rel=6 / np.sqrt(2 * COUNT))
    assert found.mean == pytest.approx(truth.mean, abs=6 * truth.std / np.sqrt(COUNT))
    assert found.support == pytest.approx(truth.support, abs=truth.std / 20)
    if truth.family == "uniform":  # what was seen can be drawn, which a rounding may move
        reach = np.finfo(np.float16).eps * np.abs(values).max() / 2 if code == "F16" else 1e-7
        assert found.support[0] <= values.min() + reach
        assert found.support[1] >= values.max() - reach


@pytest.mark.parametrize("code", DRAWABLE)
def test_a_family_is_found_in_every_dtype(code: str) -> None:
    values = RNG.uniform(-0.7, 0.7, 2000)
    found = fitted_family(counted(cast(values, code), code), LEVEL)
    assert found is not None
    assert found.family == "uniform"


NONE = {
    "two peaks": np.concatenate([RNG.normal(-1, 0.1, COUNT), RNG.normal(1, 0.1, COUNT)]),
    "heavy tails": RNG.standard_t(2, COUNT),
    "a skewed law": RNG.exponential(1, COUNT),
    "signs": RNG.choice([-1.0, 1.0], COUNT),
    "many zeros": np.where(RNG.random(COUNT) < 0.3, 0.0, RNG.normal(0, 1, COUNT)),
}


@pytest.mark.parametrize("values", NONE.values(), ids=NONE)
def test_what_is_of_no_family_is_of_none(values: Floats) -> None:
    assert fitted_family(counted(cast(values, "F32"), "F32"), LEVEL) is None


def test_a_mean_within_its_error_is_taken_to_be_none() -> None:
    values = RNG.normal(0, 1, 5000) + 0.02
    centred = fitted_family(counted(cast(values, "F32"), "F32"), LEVEL)
    moved = fitted_family(counted(cast(values + 1, "F32"), "F32"), LEVEL)
    assert centred is not None
    assert moved is not None
    assert (centred.mean, moved.mean) == (0, pytest.approx(1.02, abs=0.1))
