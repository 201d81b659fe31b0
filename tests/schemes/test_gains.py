"""φ and φ′ are torch's, their moments are SciPy's of torch's φ, and the rest follows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad_vec
from torch.nn import functional as F

from initcli.core.errors import OptionError
from initcli.engine.draw import draw_tensor
from initcli.schemes.activation import ACTIVATIONS, find_activation
from initcli.schemes.gain import (
    NAMES,
    NONLINEARITIES,
    Nonlinearity,
    gain_of,
    second_moment_gain,
    torch_gain,
    warning_of,
)
from initcli.schemes.propagation import propagation
from initcli.schemes.spec import parse_scheme
from raw import draw_of

Function = Callable[[torch.Tensor], torch.Tensor]

TORCH: dict[str, Function] = {
    "linear": lambda z: z * 1,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "selu": F.selu,
    "elu": F.elu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "hardswish": F.hardswish,
    "hardtanh": F.hardtanh,
    "softsign": F.softsign,
    "softplus": F.softplus,
    "relu2": lambda z: F.relu(z).square(),
    "sin": torch.sin,
}
# An even number of points: none of them is a kink, where torch and we may choose either side.
GRID = torch.linspace(-11.9, 11.9, 2380, dtype=torch.float64)

# What mpmath finds between the kinks, to six decimals:
# E φ, E φ², g₂, gσ, E φ′², g_b, χ₁, V′.
PRINTED = {
    "relu": (0.398942, 0.500000, 1.414214, 1.712859, 0.500000, 1.414214, 1, 1),
    "leaky_relu": (0.394953, 0.500050, 1.414143, 1.704832, 0.500050, 1.414143, 1, 1),
    "elu": (0.160521, 0.644945, 1.245198, 1.270843, 0.668102, 1.223429, 1.035905, 0.890968),
    "selu": (0, 1, 1, 1, 1.071575, 0.966026, 1.071575, 0.782648),
    "tanh": (0, 0.394294, 1.592537, 1.592537, 0.464403, 1.467414, 1.177807, 0.461071),
    "sigmoid": (0.5, 0.293379, 1.846229, 4.801313, 0.044836, 4.722646, 0.152827, 0.106341),
    "softsign": (0, 0.183014, 2.337533, 2.337533, 0.227671, 2.095781, 1.244010, 0.476712),
    "softplus": (0.806059, 0.921246, 1.041867, 1.919126, 0.293379, 1.846229, 0.318459, 0.492053),
    "gelu": (0.282095, 0.425221, 1.533530, 1.700926, 0.455851, 1.481114, 1.072032, 1.144063),
    "gelu_tanh": (0.282039, 0.425194, 1.533581, 1.700917, 0.455818, 1.481168, 1.072024, 1.144298),
    "silu": (0.206621, 0.355776, 1.676532, 1.787187, 0.379482, 1.623320, 1.066634, 1.172594),
    "mish": (0.240404, 0.452342, 1.486848, 1.592025, 0.479084, 1.444755, 1.059118, 1.076339),
    "hardswish": (0.166217, 0.331567, 1.736657, 1.813871, 0.358532, 1.670076, 1.081323, 1.223920),
    "hardtanh": (0, 0.516059, 1.392036, 1.392036, 0.682689, 1.210287, 1.322892, 0.385127),
    "relu2": (0.5, 1.5, 0.816497, 0.894427, 2, 0.707107, 1.333333, 2),
    "sin": (0, 0.432332, 1.520867, 1.520867, 0.567668, 1.327251, 1.313035, 0.313035),
}


def value_and_slope(function: Function, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    z = z.clone().requires_grad_()
    value = function(z)
    (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope


def expected(integrand: Callable[[torch.Tensor], list[torch.Tensor]]) -> NDArray[np.float64]:
    """Returns E f(z), z ~ N(0, 1), by adaptive Gauss–Kronrod quadrature split at every kink."""

    def weighted(z: float) -> NDArray[np.float64]:
        density = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        terms = integrand(torch.tensor(z, dtype=torch.float64))
        return density * np.array([float(term) for term in terms])

    found, _ = quad_vec(weighted, -12, 12, points=(-3, -1, 0, 1, 3), epsabs=1e-14, epsrel=1e-14)
    return np.asarray(found)


def moments(function: Function) -> NDArray[np.float64]:
    def integrand(z: torch.Tensor) -> list[torch.Tensor]:
        value, slope = value_and_slope(function, z)
        return [value, value**2, slope**2, value * slope * z]

    return expected(integrand)


def variance_map(name: str, q: float) -> float:
    """Returns g²·E[φ(√q·z)²], z ~ N(0, 1), at the second-moment gain."""
    (energy,) = expected(lambda z: [TORCH[name](math.sqrt(q) * z) ** 2])
    return second_moment_gain(name) ** 2 * float(energy)


def test_every_nonlinearity_has_a_reference() -> None:
    assert TORCH.keys() == ACTIVATIONS.keys()
    assert PRINTED.keys() == ACTIVATIONS.keys() - {"linear"}


def test_the_names_are_those_of_the_registry() -> None:
    known = {name for each in ACTIVATIONS.values() for name in (each.name, *each.aliases)}
    assert set(NAMES) == known
    assert get_args(Nonlinearity)[: len(NONLINEARITIES)] == NONLINEARITIES


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_function_and_its_derivative_are_those_of_torch(name: str) -> None:
    pairs = [ACTIVATIONS[name].function(z) for z in GRID.tolist()]
    ours = torch.tensor(pairs, dtype=torch.float64)
    theirs = torch.stack(value_and_slope(TORCH[name], GRID), dim=1)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_are_those_of_adaptive_quadrature(name: str) -> None:
    ours = propagation(name)
    found = [ours.mean, ours.energy, ours.slope_energy, ours.drift]
    np.testing.assert_allclose(found, moments(TORCH[name]), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("slope", [-1.0, 0.0, 0.2, 1.0, 5.0])
def test_moments_of_leaky_relu_follow_its_slope(slope: float) -> None:
    ours = propagation("leaky_relu", slope)
    assert ours.energy == pytest.approx((1 + slope**2) / 2, rel=1e-14)
    assert ours.mean == pytest.approx((1 - slope) / math.sqrt(2 * math.pi), rel=1e-14, abs=1e-16)
    assert ours.gain == pytest.approx(torch_gain("leaky_relu", slope), rel=1e-14)
    assert ours.fixed_point == "neutral"


@pytest.mark.parametrize(("name", "printed"), PRINTED.items())
def test_derived_numbers_are_those_of_mpmath(name: str, printed: tuple[float, ...]) -> None:
    ours = propagation(name)
    found = (ours.mean, ours.energy, ours.gain, ours.std_gain, ours.slope_energy)
    found += (ours.backward_gain, ours.chi, ours.slope)
    assert found == pytest.approx(printed, rel=0, abs=5.1e-7)


PI = math.pi
CLOSED = {
    "gelu": (1 / (2 * PI**0.5), 1 / 3 + 1 / (2 * 3**0.5 * PI), 1 / 3 + 2 / (3 * 3**0.5 * PI)),
    "selu": (0, 1, None),
    "relu": ((2 * PI) ** -0.5, 1 / 2, 1 / 2),
    "relu2": (1 / 2, 3 / 2, 2),
    "sin": (0, (1 - math.exp(-2)) / 2, (1 + math.exp(-2)) / 2),
    "linear": (0, 1, 1),
    "sigmoid": (1 / 2, None, None),
    "hardtanh": (0, None, math.erf(2**-0.5)),
}


@pytest.mark.parametrize(("name", "closed"), CLOSED.items())
def test_moments_agree_with_closed_forms(name: str, closed: tuple[float | None, ...]) -> None:
    ours = propagation(name)
    found = (ours.mean, ours.energy, ours.slope_energy)
    for one, other in zip(found, closed, strict=True):
        assert other is None or one == pytest.approx(other, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_is_that_of_the_variance_map(name: str) -> None:
    step = 1e-4
    assert variance_map(name, 1) == pytest.approx(1, rel=1e-12)
    difference = variance_map(name, 1 + step) - variance_map(name, 1 - step)
    assert difference / (2 * step) == pytest.approx(propagation(name).slope, rel=0, abs=1e-8)


FATES = {
    "tanh": "stable",
    "selu": "stable",
    "relu": "neutral",
    "linear": "neutral",
    "gelu": "unstable",
    "silu": "unstable",
    "relu2": "unstable",
}


@pytest.mark.parametrize("start", [0.97, 1.03])
@pytest.mark.parametrize(("name", "fate"), FATES.items())
def test_variances_do_with_depth_what_is_said(name: str, fate: str, start: float) -> None:
    q = start
    for _ in range(5):
        q = variance_map(name, q)
    moved = abs(q - 1) / abs(start - 1)
    assert propagation(name).fixed_point == fate
    assert {"stable": moved < 0.5, "neutral": abs(moved - 1) < 1e-9, "unstable": moved > 1.5}[fate]


@pytest.mark.parametrize("name", NAMES)
def test_a_gain_is_torchs_where_torch_has_one(name: str) -> None:
    if name in NONLINEARITIES:
        assert gain_of(name) == torch_gain(name) == torch.nn.init.calculate_gain(name)
    else:
        assert torch_gain(name) is None
        assert gain_of(name) == second_moment_gain(name) == propagation(name).gain
        with pytest.raises(ValueError, match="Unsupported nonlinearity"):
            torch.nn.init.calculate_gain(name)


def test_an_unstable_fixed_point_is_warned_of() -> None:
    warned = {name for name in NAMES if warning_of(name)}
    unstable = {"gelu", "gelu_tanh", "silu", "mish", "hardswish", "relu2", "squared_relu"}
    assert warned == unstable
    assert warning_of("gelu") == (
        "gelu: its variance map is unstable at this gain (slope 1.14 > 1): "
        "with depth, signals die or explode"
    )


@pytest.mark.parametrize("ask", [gain_of, second_moment_gain, warning_of, find_activation])
def test_an_unknown_name_is_suggested_another(ask: Callable[[str], object]) -> None:
    with pytest.raises(OptionError, match="unknown nonlinearity") as caught:
        ask("leaky_rellu")
    assert "leaky_relu" in caught.value.hint
    with pytest.raises(OptionError) as caught:
        ask("q" * 100_000)
    assert "initcli gains" in caught.value.hint


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_nonlinearity_documents_itself(name: str) -> None:
    chosen = find_activation(name)
    assert chosen.summary.endswith(".")
    assert chosen.formula
    assert chosen.citation


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("name", NAMES[len(NONLINEARITIES) :])
def test_kaiming_takes_what_torch_does_not_know(name: str, mode: str) -> None:
    shape, fan = (48, 32, 3), {"fan_in": 96, "fan_out": 144}[mode]
    scale = second_moment_gain(name) / math.sqrt(fan)
    parameters = f"(nonlinearity={name}, mode={mode})"
    normal, uniform = (
        draw_of(f"kaiming_{kind}{parameters}", shape) for kind in ("normal", "uniform")
    )
    assert normal.law.variance == pytest.approx(scale**2, rel=1e-14)
    assert uniform.law.variance == pytest.approx(scale**2, rel=1e-14)
    drawn = draw_tensor(normal, shape, 3, "w"), draw_tensor(uniform, shape, 3, "w")
    # Standard errors: √(2/4608) = 0.021 and √(0.8/4608) = 0.013; seeds are fixed.
    assert float(drawn[0].square().mean()) == pytest.approx(scale**2, rel=0.1)
    assert float(drawn[1].square().mean()) == pytest.approx(scale**2, rel=0.07)
    assert float(drawn[1].abs().max()) <= math.sqrt(3) * scale * (1 + 1e-7)


def test_a_gain_may_be_any_name() -> None:
    spec = parse_scheme("xavier_normal(gain=gelu)")
    assert spec.arguments == {"gain": second_moment_gain("gelu")}
    assert parse_scheme(spec.text) == spec
