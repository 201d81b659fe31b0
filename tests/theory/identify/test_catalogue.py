"""Laws that torch's modules draw by are among the candidates, under the names that they have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import init

from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.models.module_source import module_source
from initcli.recipes.layers import layers_of
from initcli.schemes import law as laws
from initcli.schemes.layer import Layer, Role
from initcli.schemes.layout import Layout
from initcli.schemes.spec import parse_layout, parse_scheme
from initcli.theory.identify.catalogue import (
    SCHEMES,
    Candidate,
    Catalogue,
    is_drawn_apart,
    key_of,
)

VARIABLES = {"n_layer": 12.0, "layer": 3.0, "d_model": 64.0, "n_head": 4.0, "size": 1.0}


def constructed(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return build()


def candidates(layer: Layer) -> tuple[Candidate, ...]:
    return Catalogue().candidates(layer, VARIABLES)


def named(layer: Layer, scheme: str) -> laws.Law:
    (law,) = [each.law for each in candidates(layer) if scheme in each.schemes]
    return law


def assert_drew(law: laws.Law, values: Tensor) -> None:
    """Bounds are met within their expectation's reach, and moments within six standard errors."""
    count, (low, high) = values.numel(), law.support
    wide = values.detach().double()
    error = law.std / math.sqrt(count)
    assert float(wide.mean()) == pytest.approx(law.mean, abs=6 * error)
    second = float(((wide - law.mean) ** 2).mean())
    spread = math.sqrt((law.kurtosis - 1) / count)
    assert second == pytest.approx(law.variance, rel=6 * spread)
    assert low * (1 + 1e-6) - 1e-9 <= wide.min()
    assert wide.max() <= high * (1 + 1e-6) + 1e-9
    if law.family == "uniform":  # of n values the greatest is this near but for e^(−20)
        assert float(wide.max()) > high - (high - low) * 20 / count


MODULES: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(96, 64),
    "bilinear": lambda: nn.Bilinear(20, 30, 8),
    "conv1d": lambda: nn.Conv1d(16, 40, 5),
    "conv2d": lambda: nn.Conv2d(16, 40, (3, 5)),
    "conv2d in groups": lambda: nn.Conv2d(32, 64, 3, groups=4),
    "depthwise": lambda: nn.Conv2d(256, 256, 5, groups=256),
    "conv3d": lambda: nn.Conv3d(8, 16, 3),
    "transposed": lambda: nn.ConvTranspose2d(16, 24, 3),
    "transposed with a stride": lambda: nn.ConvTranspose2d(32, 16, 4, stride=2, groups=2),
    "embedding": lambda: nn.Embedding(200, 32),
    "rnn": lambda: nn.RNN(24, 48),
    "lstm": lambda: nn.LSTM(24, 48, bidirectional=True),
    "lstm projected": lambda: nn.LSTM(24, 48, proj_size=12),
    "gru": lambda: nn.GRU(24, 48),
    "gru cell": lambda: nn.GRUCell(24, 48),
    "attention": lambda: nn.MultiheadAttention(48, 4),
    "attention of other sides": lambda: nn.MultiheadAttention(48, 4, kdim=24, vdim=36),
}


# No file tells a bilinear layer from a convolution, nor most groups and strides.
UNTOLD = {"bilinear", "conv2d in groups"}


@pytest.mark.parametrize("case", MODULES)
def test_what_torch_draws_for_a_module_is_among_the_candidates(case: str) -> None:
    """Some 40 tensors of 3 checks, of 6 standard errors: a false alarm in 10⁶ choices of seeds."""
    module = constructed(MODULES[case])
    source = module_source("m", module, None)
    for name, layer in source.layers.items():
        values = module.state_dict()[name]
        if float(values.std()) > 0:
            assert_drew(named(layer, "torch_default"), values)


@pytest.mark.parametrize("case", sorted({*MODULES} - UNTOLD))
def test_names_and_shapes_of_a_file_tell_it_too(case: str) -> None:
    module = constructed(MODULES[case])
    # A table is known by its name alone.
    holder = case.replace("embedding", "embed")
    state = {f"{holder}.{name}": values for name, values in module.state_dict().items()}
    specs = {name: TensorSpec(name, DTYPES["F32"], tuple(v.shape)) for name, v in state.items()}
    for name, layer in layers_of(specs).items():
        if float(state[name].std()) > 0:
            assert_drew(named(layer, "torch_default"), state[name])


WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "xavier_uniform": init.xavier_uniform_,
    "xavier_normal": init.xavier_normal_,
    "kaiming_uniform": init.kaiming_uniform_,
    "kaiming_normal": init.kaiming_normal_,
    "kaiming_uniform(mode=fan_out)": lambda w: init.kaiming_uniform_(w, mode="fan_out"),
    "kaiming_normal(mode=fan_out)": lambda w: init.kaiming_normal_(w, mode="fan_out"),
    "kaiming_uniform(a=sqrt(5))": lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)),
    "kaiming_normal(nonlinearity=linear)": lambda w: init.kaiming_normal_(w, nonlinearity="linear"),
    "kaiming_normal(nonlinearity=tanh)": lambda w: init.kaiming_normal_(w, nonlinearity="tanh"),
    "kaiming_uniform(nonlinearity=tanh)": lambda w: init.kaiming_uniform_(w, nonlinearity="tanh"),
    "kaiming_normal(nonlinearity=selu)": lambda w: init.kaiming_normal_(w, nonlinearity="selu"),
    "xavier_uniform(gain=relu)": lambda w: init.xavier_uniform_(w, init.calculate_gain("relu")),
    "xavier_normal(gain=tanh)": lambda w: init.xavier_normal_(w, init.calculate_gain("tanh")),
    "xavier_uniform(gain=1/sqrt(2))": lambda w: init.xavier_uniform_(w, 1 / math.sqrt(2)),
    "normal(0, 0.02)": lambda w: init.normal_(w, 0, 0.02),
    "truncated_normal(0, 0.02)": lambda w: init.trunc_normal_(w, 0, 0.02, -0.04, 0.04),
    "uniform(-0.05, 0.05)": lambda w: init.uniform_(w, -0.05, 0.05),
    "uniform(0, 1)": init.uniform_,
    "normal(0, 1)": init.normal_,
}
SHAPED = {
    "linear": Layer((60, 90)),
    "embedding": Layer((300, 32), "wte.weight", layout=Layout("embedding")),
    "conv": Layer((24, 16, 3, 3), layout=Layout("conv")),
    "grouped conv": Layer((24, 16, 3, 3), layout=Layout("conv", groups=4)),
    "depthwise": Layer((300, 1, 5, 5)),
    "transposed": Layer((24, 16, 3, 3), layout=Layout("conv_transpose", stride=(2,))),
    "Conv1D": Layer((60, 180), layout=Layout("in_out")),
    "fused": Layer((180, 60), "attn.in_proj_weight", layout=Layout("linear", parts=3)),
    "experts": Layer((4, 40, 50), "mlp.experts.w1", layout=Layout("linear", stacked=True)),
}


@pytest.mark.parametrize("layer", SHAPED.values(), ids=SHAPED)
@pytest.mark.parametrize("scheme", WEIGHTS)
def test_what_torchs_initialisers_draw_is_named_by_them(scheme: str, layer: Layer) -> None:
    """By torch's fans, whatever the layout: 171 draws of 3 checks, of 6 standard errors each."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        values = WEIGHTS[scheme](torch.empty(layer.shape))
    # By the layer's own fans a scheme may draw the same under the name that says so.
    assert_drew(named(layer, scheme), values)


def drawn_apart(layer: Layer, form: str, std: float) -> bool:
    """Whether some candidate is of this form and standard deviation."""
    return any(
        each.law.family == form and each.law.std == pytest.approx(std, rel=1e-9)
        for each in candidates(layer)
    )


FANS = [
    # A layer's own fans are others than torch counts: He's std is √(2/fan_in).
    ("Conv1D", "normal", math.sqrt(2 / 60)),
    ("fused", "normal", math.sqrt(2 / (60 + 60))),
    ("experts", "normal", math.sqrt(2 / 50)),
    ("depthwise", "normal", math.sqrt(2 / (25 + 25))),
    ("grouped conv", "normal", math.sqrt(2 / (6 * 9))),
    ("transposed", "normal", math.sqrt(2 / (24 * 9 / 4))),
]


@pytest.mark.parametrize(("case", "form", "std"), FANS)
def test_a_layers_own_fans_are_a_reading_too(case: str, form: str, std: float) -> None:
    assert drawn_apart(SHAPED[case], form, std)


@pytest.mark.parametrize("layer", SHAPED.values(), ids=SHAPED)
def test_equal_laws_are_one_candidate_and_each_name_stands_once(layer: Layer) -> None:
    found = candidates(layer)
    keys = [key_of(each.law) for each in found]
    assert len(keys) == len(set(keys))
    names = [name for each in found for name in each.schemes]
    assert len(names) == len(set(names))
    assert all(is_drawn_apart(each.law) for each in found)


def test_a_law_has_all_its_names_the_most_usual_first() -> None:
    together = {each.schemes for each in candidates(Layer((96, 48), "fc.weight"))}
    (default,) = [names for names in together if "torch_default" in names]
    assert default[0] == "torch_default"
    assert "kaiming_uniform(a=sqrt(5))" in default  # torch's own spelling of it
    (plain,) = [names for names in together if "kaiming_normal(nonlinearity=linear)" in names]
    assert "kaiming_normal(mode=fan_out)" in plain  # twice the outputs that there are inputs
    square = [each.schemes for each in candidates(Layer((64, 64)))]
    (both,) = [names for names in square if "kaiming_normal" in names]
    assert {"kaiming_normal(mode=fan_out)", "xavier_normal(gain=relu)"} <= set(both)


@pytest.mark.parametrize("layer", SHAPED.values(), ids=SHAPED)
def test_names_are_what_a_user_may_write_of_the_same_law(layer: Layer) -> None:
    for each in candidates(layer):
        for name in each.schemes:
            scheme, _, layout = name.partition(" of ")
            own = replace(layer, layout=parse_layout(layout)) if layout else layer
            law = parse_scheme(scheme).draw(own, VARIABLES).law
            assert key_of(law) == key_of(each.law), name


@pytest.mark.parametrize("role", Role)
def test_every_entry_of_the_catalogue_parses_and_is_a_law_of_something(role: Role) -> None:
    for text in SCHEMES[role]:
        parse_scheme(text)
    assert len(SCHEMES[role]) == len(set(SCHEMES[role]))


@pytest.mark.parametrize(
    ("role", "scheme"),
    [
        (Role.NORMALISATION_WEIGHT, "normal(1, 0.02)"),  # as DCGAN's norms are drawn
        (Role.NORMALISATION_BIAS, "normal(0, 0.02)"),
        (Role.BIAS, "normal(0, 1e-6)"),
        (Role.OTHER, "normal(0, 0.02)"),
    ],
)
def test_vectors_have_laws_of_their_roles(role: Role, scheme: str) -> None:
    layer = Layer((64,), "x.weight", role)
    assert scheme in {name for each in candidates(layer) for name in each.schemes}
    assert not any("kaiming" in name for each in candidates(layer) for name in each.schemes) or (
        role is Role.OTHER
    )


LOOKALIKES = [
    Layer((48, 48), "h.0.attn.q_proj.weight"),
    Layer((48, 48), "h.1.attn.q_proj.weight"),
    Layer((48, 48), "h.0.attn.v_proj.weight"),
    Layer((48, 48), "h.0.attn.q_proj.weight", layout=Layout("in_out")),
    Layer((48, 48), "wte.weight", layout=Layout("embedding")),
    Layer((48, 48), "wte.weight", layout=Layout("embedding"), padding=0),
    Layer((144, 48), "attn.in_proj_weight", layout=Layout("linear", parts=3)),
    Layer((144, 48), "attn.weight"),
    Layer((48, 1, 3, 3), "dw.weight"),
    Layer((48, 1, 3, 3), "dw.weight", layout=Layout("conv", groups=2)),
    Layer((48,), "fc.bias", Role.BIAS, beside={"weight": (48, 96)}),
    Layer((48,), "fc.bias", Role.BIAS, beside={"weight": (48, 24)}),
    Layer((48,), "ln.bias", Role.NORMALISATION_BIAS),
    Layer((48,), "rnn.bias_ih_l0", Role.BIAS, beside={"weight_hh_l0": (48, 12)}),
    Layer((48, 12), "rnn.weight_hh_l0", beside={"weight_hh_l0": (48, 12)}),
    Layer((48, 12), "fc.weight"),
]


def as_names(found: tuple[Candidate, ...]) -> list[tuple[object, tuple[str, ...]]]:
    return [(key_of(each.law), each.schemes) for each in found]


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_remembered_of_a_layer_is_told_of_no_other(order: int) -> None:
    catalogue = Catalogue()
    for layer in LOOKALIKES[::order]:
        for depth in (6.0, 24.0):
            variables = VARIABLES | {"n_layer": depth}
            remembered = as_names(catalogue.candidates(layer, variables))
            assert remembered == as_names(Catalogue().candidates(layer, variables)), layer.name
            assert remembered == as_names(catalogue.candidates(layer, variables))


def test_variables_are_heeded_and_what_is_unknown_is_no_candidate() -> None:
    layer = Layer((48, 48), "h.3.mlp.c_proj.weight")
    catalogue = Catalogue()
    shallow, deep = (
        {name for each in catalogue.candidates(layer, known) for name in each.schemes}
        for known in ({}, {"n_layer": 12.0, "layer": 3.0})
    )
    assert "scaled_normal" not in shallow
    assert "scaled_normal" in deep
    (law,) = [
        each.law
        for each in catalogue.candidates(layer, {"n_layer": 12.0, "layer": 3.0})
        if "scaled_normal" in each.schemes
    ]
    assert law.std == pytest.approx(0.02 / math.sqrt(2 * 12))


def test_what_recipes_suggest_is_a_candidate_if_its_law_is_new() -> None:
    layer = Layer((48, 96))
    more = {"a of r": laws.normal(0, 0.02), "b of r": laws.normal(0, 0.123), "c": laws.constant(1)}
    found = Catalogue().candidates(layer, VARIABLES, more)
    (known,) = [each for each in found if key_of(each.law) == key_of(laws.normal(0, 0.02))]
    assert known.schemes == ("normal(0, 0.02)",)
    (new,) = [each for each in found if "b of r" in each.schemes]
    assert (new.law.std, new.schemes) == (pytest.approx(0.123), ("b of r",))
    assert not any("c" in each.schemes for each in found)
