"""Every scheme draws what torch.nn.init draws, bit for bit, and refuses what it refuses."""

from __future__ import annotations

import inspect
import math
from typing import get_args

import numpy as np
import pytest
import torch

import initcli
from initcli.core.errors import OptionError
from initcli.engine.draw import draw_tensor
from initcli.schemes.gain import NONLINEARITIES, gain_of
from initcli.schemes.layer import UnfitError
from initcli.schemes.registry import SCHEMES
from initcli.schemes.torch_init import Mode
from raw import draw_of

VECTORS = [(7,), (1,)]
MATRICES = [(8, 8), (3, 17), (17, 3), (1, 1), (1, 9)]
KERNELS = [(8, 4, 3), (6, 4, 3, 2), (4, 2, 3, 2, 2), (4, 3, 1, 1)]
ANY = [*VECTORS, *MATRICES, *KERNELS]
LAYERS = [*MATRICES, *KERNELS]

RECTIFIERS = [
    f"(a={a}, mode={mode}, nonlinearity={nonlinearity})"
    for a, mode, nonlinearity in [
        (0, "fan_in", "leaky_relu"),
        (math.sqrt(5), "fan_in", "leaky_relu"),
        (0.2, "fan_out", "leaky_relu"),
        (-3, "fan_out", "relu"),
        (0, "fan_in", "tanh"),
        (0, "fan_out", "selu"),
        (0, "fan_in", "linear"),
    ]
]
CASES = {
    "uniform": (["", "(-0.1, 0.3)", "(2, 2)"], ANY),
    "normal": (["", "(0, 0.02)", "(-3, 5)", "(1, 0)"], ANY),
    "trunc_normal": (["", "(0, .02, -.04, .04)", "(1, 2, 0, 9)", "(0, 1, .5, 3)"], ANY),
    "constant": (["(0.1)", "(-7)", "(0)"], ANY),
    "ones": ([""], ANY),
    "zeros": ([""], ANY),
    "eye": ([""], MATRICES),
    "dirac": (["", "(groups=2)", "(4)"], [(8, 4, 3), (8, 3, 2, 5), (4, 6, 3, 2, 2), (4, 1, 1)]),
    "xavier_uniform": (["", "(0.5)", "(gain=relu)", "(0)"], LAYERS),
    "xavier_normal": (["", "(2)", "(gain=tanh)", "(0)"], LAYERS),
    "kaiming_uniform": (["", *RECTIFIERS], LAYERS),
    "kaiming_normal": (["", *RECTIFIERS], LAYERS),
    "orthogonal": (["", "(0.3)", "(gain=selu)", "(-1)", "(0)"], LAYERS),
    "sparse": (["(0.5)", "(0, 1)", "(1)", "(.1, std=0)"], MATRICES),
}
DRAWS = [
    (name, parameters, shape)
    for name, (choices, shapes) in CASES.items()
    for parameters in choices
    for shape in shapes
]


def torch_draw(text: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Evaluates a scheme, as a user writes it, as a call of torch's function of its name."""
    name, _, rest = text.partition("(")
    words = {word: word for word in (*NONLINEARITIES, *get_args(Mode))}
    words |= {f"gain={word}": f"gain={torch.nn.init.calculate_gain(word)}" for word in ("relu",)}

    def call(*values: object, **named: object) -> torch.Tensor:
        function = getattr(torch.nn.init, f"{name}_")
        if named.get("gain") in NONLINEARITIES:
            named["gain"] = torch.nn.init.calculate_gain(str(named["gain"]))
        if "generator" in inspect.signature(function).parameters:
            named["generator"] = initcli.generator(11, "layer.weight")
        return function(torch.empty(shape), *values, **named)

    return eval(f"call({rest or ')'}", {"call": call} | words)  # noqa: S307 - our own table


def assert_same_bits(one: torch.Tensor, other: torch.Tensor) -> None:
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    assert one.numpy().tobytes() == other.numpy().tobytes()


@pytest.mark.parametrize(("name", "parameters", "shape"), DRAWS)
def test_every_draw_is_that_of_torch(name: str, parameters: str, shape: tuple[int, ...]) -> None:
    ours = draw_tensor(draw_of(name + parameters, shape), shape, 11, "layer.weight")
    with torch.random.fork_rng(devices=[]):
        if name == "sparse":
            # torch chooses the zeros from its global generator: pytorch PR 196941.
            torch.random.set_rng_state(initcli.generator(11, "layer.weight").get_state())
            expected = torch.nn.init.sparse_(torch.empty(shape), **sparse(parameters))
        else:
            expected = torch_draw(name + parameters, shape)
    assert_same_bits(ours, expected)


def sparse(parameters: str) -> dict[str, float]:
    """Returns the parameters of the sparse cases by name."""
    table = {"(0.5)": (0.5, 0.01), "(0, 1)": (0, 1), "(1)": (1, 0.01), "(.1, std=0)": (0.1, 0)}
    return dict(zip(("sparsity", "std"), table[parameters], strict=True))


def test_every_scheme_has_cases() -> None:
    homes = {name: scheme.function.__module__ for name, scheme in SCHEMES.items()}
    assert list(CASES) == [name for name, home in homes.items() if home.endswith("torch_init")]


@pytest.mark.parametrize("name", CASES)
def test_parameters_and_defaults_are_those_of_torch(name: str) -> None:
    theirs = inspect.signature(getattr(torch.nn.init, f"{name}_")).parameters
    expected = {
        key: parameter.default
        for key, parameter in theirs.items()
        if key not in {"tensor", "generator"}
    }
    ours = {each.name: each.default for each in SCHEMES[name].parameters.values()}
    assert ours.pop("fans", "torch") == "torch"
    assert ours == expected


@pytest.mark.parametrize("window", ["0, .02, 30, 31", "0, 1, -900, -100", "5, 1e-3, 0, 1"])
def test_a_window_in_which_torch_would_not_come_to_an_end_is_refused(window: str) -> None:
    with pytest.raises(OptionError, match="truncated_normal draws it at once"):
        draw_of(f"trunc_normal({window})", (4, 4))


WINDOWS = ["0, 1, 1.9, 5", "5, 1, -4, 3.1", "0, 1, -1e-3, 1e-3", "0, 1, -1.9, 30"]


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_that_torch_can_draw_from_is_drawn(window: str) -> None:
    drawn = draw_tensor(draw_of(f"trunc_normal({window})", (64, 64)), (64, 64), 0, "w")
    low, high = (float(bound) for bound in window.split(",")[2:])
    assert low - 1e-6 <= float(drawn.min()) <= float(drawn.max()) <= high + 1e-6


def test_every_initialiser_of_torch_is_a_scheme() -> None:
    public = {name.rstrip("_") for name in vars(torch.nn.init) if name.endswith("_")}
    public = {name for name in public if name and not name.startswith("_")}
    assert public == set(CASES)
    assert public <= set(SCHEMES)


@pytest.mark.parametrize("slope", [None, 0, 0.01, 0.2, 1, -2, math.sqrt(5)])
@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
def test_gains_are_those_of_torch(nonlinearity: str, slope: float | None) -> None:
    ours = gain_of(nonlinearity) if slope is None else gain_of(nonlinearity, slope)
    assert ours == torch.nn.init.calculate_gain(nonlinearity, slope)


REFUSED = [
    *((name, shape) for name in ("xavier_uniform", "xavier_normal") for shape in ((7,), ())),
    *((name, shape) for name in ("kaiming_uniform", "kaiming_normal") for shape in ((7,), ())),
    ("orthogonal", (7,)),
    ("orthogonal", ()),
    ("eye", (7,)),
    ("eye", (2, 2, 2)),
    ("dirac", (3, 3)),
    ("dirac", (2, 2, 2, 2, 2, 2)),
    ("dirac(groups=3)", (8, 4, 3)),
    ("sparse(0.5)", (7,)),
    ("sparse(0.5)", (2, 2, 2)),
]


@pytest.mark.parametrize(("text", "shape"), REFUSED)
def test_a_shape_that_torch_refuses_is_unfit(text: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(UnfitError):
        draw_of(text, shape)
    with pytest.raises((ValueError, RuntimeError)):
        torch_draw(text, shape)


CONTRADICTIONS = [
    "uniform(1, 0)",
    "uniform(-3e38, 3e38)",
    "normal(0, -1)",
    "trunc_normal(0, 0)",
    "xavier_uniform(-1)",
    "xavier_uniform(3e38)",
    "xavier_normal(-0.5)",
    "sparse(0.5, -1)",
]


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_parameters_that_torch_refuses_are_refused_before_drawing(text: str) -> None:
    with pytest.raises(OptionError):
        draw_of(text, (2, 2))
    with pytest.raises((ValueError, RuntimeError, ZeroDivisionError)):
        torch_draw(text, (2, 2))


@pytest.mark.parametrize(
    "text",
    ["trunc_normal(0, 1, 2, 1)", "trunc_normal(0, 1e-30, 1, 2)", "sparse(2)", "sparse(-.1)"],
)
def test_parameters_without_meaning_are_refused_though_torch_may_take_them(text: str) -> None:
    with pytest.raises(OptionError):
        draw_of(text, (2, 2))


@pytest.mark.parametrize("groups", [0, -1])
def test_dirac_needs_a_positive_number_of_groups(groups: int) -> None:
    with pytest.raises(OptionError, match="positive"):
        draw_of(f"dirac({groups})", (4, 4, 3))


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.34, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(10, 4), (3, 50), (64, 64)])
def test_sparse_zeroes_as_many_rows_of_every_column(
    sparsity: float, shape: tuple[int, int]
) -> None:
    draw = draw_of(f"sparse({sparsity})", shape)
    drawn = draw_tensor(draw, shape, 0, "w")
    zeros = math.ceil(sparsity * shape[0])
    assert ((drawn == 0).sum(0) == zeros).all()
    assert draw.law.random_share == pytest.approx(1 - zeros / shape[0]) or not draw.law.variance


@pytest.mark.parametrize("name", ["sparse(0.5)", "normal", "orthogonal", "trunc_normal"])
def test_seed_and_name_alone_decide_a_draw(name: str) -> None:
    draw, state = draw_of(name, (16, 16)), torch.get_rng_state()
    first = draw_tensor(draw, (16, 16), 3, "a")
    torch.rand(5)
    assert_same_bits(first, draw_tensor(draw, (16, 16), 3, "a"))
    assert not torch.equal(first, draw_tensor(draw, (16, 16), 3, "b"))
    assert not torch.equal(first, draw_tensor(draw, (16, 16), 4, "a"))
    torch.set_rng_state(state)


@pytest.mark.parametrize("name", [name for name in CASES if name not in {"constant", "sparse"}])
def test_drawing_leaves_the_global_generator_alone(name: str) -> None:
    shape = (4, 4, 3) if name == "dirac" else (4, 4)
    before = torch.get_rng_state()
    draw_tensor(draw_of(name, shape), shape, 0, "w")
    draw_tensor(draw_of("sparse(.5)", (4, 4)), (4, 4), 0, "w")
    assert torch.equal(before, torch.get_rng_state())


def test_tensors_of_one_seed_are_independent() -> None:
    # |z| < 5 for 45 correlations of 4096 values each: a false alarm in 40,000 seeds.
    draw = draw_of("normal", (64, 64))
    drawn = [draw_tensor(draw, (64, 64), 0, f"layers.{i}").flatten().numpy() for i in range(10)]
    correlation = np.corrcoef(drawn) - np.eye(10)
    assert np.abs(correlation).max() * 64 < 5
