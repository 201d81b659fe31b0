"""`torch_default` is what torch's own constructors give, held against hundreds of them.

Values of one parameter are pooled over constructions under consecutive seeds until there are
7,000. A test rejects at p < 10⁻⁶; with some 150 of them a false alarm has probability 2·10⁻⁴,
and the seeds are fixed. A uniform law's bound is met within 0.2 % except with probability
0.998⁷⁰⁰⁰ < 10⁻⁶.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

from initcli.engine.draw import draw_tensor
from initcli.models.module_source import module_source
from initcli.recipes.layers import layers_of
from initcli.schemes.law import Fixed, Law
from initcli.schemes.layer import Layer, Role, UnfitError
from initcli.schemes.layout import Layout
from initcli.schemes.registry import Draw, find_scheme

Array = NDArray[np.float64]
ENOUGH = 7_000
ALPHA = 1e-6


class Own(nn.Linear):
    """A subclass that keeps its parent's reset."""


MODULES: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(12, 40),
    "linear of one": lambda: nn.Linear(1, 40),
    "own linear": lambda: Own(12, 40),
    "conv1d": lambda: nn.Conv1d(8, 32, 5),
    "conv2d groups": lambda: nn.Conv2d(8, 32, (3, 2), groups=4),
    "conv3d": lambda: nn.Conv3d(2, 16, 2),
    "transposed 1d": lambda: nn.ConvTranspose1d(6, 16, 4, stride=2),
    "transposed 2d groups": lambda: nn.ConvTranspose2d(8, 16, 3, stride=(2, 1), groups=2),
    "transposed 3d": lambda: nn.ConvTranspose3d(3, 16, 2),
    "rnn": lambda: nn.RNN(5, 16, num_layers=2, bidirectional=True),
    "lstm": lambda: nn.LSTM(5, 12),
    "lstm projected": lambda: nn.LSTM(5, 12, proj_size=3, bidirectional=True),
    "gru": lambda: nn.GRU(5, 12),
    "rnn cell": lambda: nn.RNNCell(5, 16),
    "lstm cell": lambda: nn.LSTMCell(5, 12),
    "gru cell": lambda: nn.GRUCell(5, 12),
    "embedding": lambda: nn.Embedding(30, 8),
    "embedding padded": lambda: nn.Embedding(30, 8, padding_idx=-2),
    "embedding bag": lambda: nn.EmbeddingBag(30, 8, padding_idx=3),
    "attention": lambda: nn.MultiheadAttention(16, 4, add_bias_kv=True),
    "attention separate": lambda: nn.MultiheadAttention(16, 4, kdim=6, vdim=10),
    "encoder layer": lambda: nn.TransformerEncoderLayer(16, 2, 24),
    "transformer": lambda: nn.Transformer(16, 2, 1, 1, 24, batch_first=True),
    "bilinear": lambda: nn.Bilinear(5, 7, 24),
    "batch norm": lambda: nn.BatchNorm2d(6),
    "layer norm": lambda: nn.LayerNorm((3, 4)),
    "group norm": lambda: nn.GroupNorm(2, 6),
    "rms norm": lambda: nn.RMSNorm(6),
    "instance norm": lambda: nn.InstanceNorm1d(6, affine=True, track_running_stats=True),
    "prelu": lambda: nn.PReLU(5),
    "adaptive softmax": lambda: nn.AdaptiveLogSoftmaxWithLoss(32, 60, [10, 30], div_value=2.0),
}


def draw_of(layer: Layer) -> Draw:
    return find_scheme("torch_default").function(layer)


def constructed(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def pooled(build: Callable[[], nn.Module], name: str, size: int) -> Array:
    seeds = range(-(-ENOUGH // size))
    values = [constructed(build, seed).state_dict()[name].flatten() for seed in seeds]
    return torch.cat(values).double().numpy()


def assert_follows(values: Array, law: Law) -> None:
    if law.fixed is Fixed.EVERYTHING:
        assert np.all(values == law.mean)
        return
    assert law.cdf is not None
    assert stats.kstest(values, law.cdf).pvalue > ALPHA
    low, high = law.support
    assert low <= values.min()
    assert values.max() <= high
    if law.family == "uniform":
        assert np.abs(values).max() > 0.998 * high


@pytest.mark.parametrize("case", MODULES)
def test_every_parameter_follows_its_law(case: str) -> None:
    build = MODULES[case]
    source = module_source("m", constructed(build, 0), None)
    for name, layer in source.layers.items():
        if not source.specs[name].dtype.is_float:
            continue
        law = draw_of(layer).law
        size = source.specs[name].parameters
        values = pooled(build, name, size)
        if layer.padding is not None:
            rows = values.reshape(-1, *layer.shape)
            assert not rows[:, layer.padding].any()
            assert law.random_share == 1 - 1 / layer.shape[0]
            values = np.delete(rows, layer.padding, axis=1).flatten()
            law = draw_of(replace(layer, padding=None)).law
        assert_follows(values, law)


@pytest.mark.parametrize("case", MODULES)
def test_every_draw_follows_its_law(case: str) -> None:
    source = module_source("m", constructed(MODULES[case], 0), None)
    for name, layer in source.layers.items():
        if not source.specs[name].dtype.is_float or layer.padding is not None:
            continue
        draw = draw_of(layer)
        seeds = range(-(-ENOUGH // source.specs[name].parameters))
        drawn = [draw_tensor(draw, layer.shape, seed, name).flatten() for seed in seeds]
        assert_follows(torch.cat(drawn).double().numpy(), draw.law)


def test_the_padding_row_is_drawn_as_zero() -> None:
    layer = module_source("m", nn.Embedding(30, 8, padding_idx=4), None).layers["weight"]
    drawn = draw_tensor(draw_of(layer), layer.shape, 1, "weight")
    assert (drawn == 0).all(dim=1).nonzero().flatten().tolist() == [4]


@pytest.mark.parametrize("case", ["linear", "conv2d groups", "transposed 2d groups", "attention"])
def test_bounds_are_torchs_to_the_last_bit(case: str) -> None:
    """Under one generator, a weight's draw is that of torch's own reset."""
    module = MODULES[case]()
    name = "in_proj_weight" if case == "attention" else "weight"
    weight = module.get_parameter(name)
    layer = module_source("m", module, None).layers[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        getattr(module, "_reset_parameters" if case == "attention" else "reset_parameters")()
        torch.manual_seed(3)
        ours = torch.empty(layer.shape)
        draw_of(layer).fill(ours, torch.default_generator)
    assert torch.equal(ours, weight.detach())


class Silent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 4))


class Resetting(nn.Linear):
    def reset_parameters(self) -> None:
        nn.init.ones_(self.weight)


class Transformer(nn.Module):
    """A model that is only called like torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Linear(3, 4)


@pytest.mark.parametrize("module", [Silent(), Resetting(3, 4)])
def test_a_module_of_another_kind_is_refused(module: nn.Module) -> None:
    layer = module_source("m", module, None).layers["weight"]
    with pytest.raises(UnfitError, match=f"{type(module).__name__} is not one that torch.nn"):
        draw_of(layer)


def test_a_name_makes_no_transformer() -> None:
    layers = module_source("m", Transformer(), None).layers
    assert draw_of(layers["proj.weight"]).law.support[1] == pytest.approx(3**-0.5)


@pytest.mark.parametrize(
    "case",
    [
        "linear",
        "conv1d",
        "conv2d groups",
        "rnn",
        "lstm projected",
        "gru cell",
        "attention",
        "batch norm",
    ],
)
def test_a_file_tells_what_its_module_does(case: str) -> None:
    source = module_source("m", MODULES[case](), None)
    for name, layer in layers_of(source.specs).items():
        if name not in {"out_proj.bias", "num_batches_tracked"}:
            assert draw_of(layer).law == draw_of(source.layers[name]).law, name


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Layer((3,), "attn.out_proj.bias"), "a file cannot tell"),
        (Layer((3, 4), "c.weight", layout=Layout("in_out")), "no module of torch.nn"),
        (Layer((2, 3, 4), "e.up", layout=Layout("linear", stacked=True)), "no module of torch.nn"),
        (Layer((), "logit_scale"), "dimensions"),
        (Layer((3,), "act.weight", Role.NORMALISATION_WEIGHT), "a PReLU's at 0.25"),
        (Layer((3, 0), "weight"), "no inputs"),
        (Layer((12,), "rnn.bias_ih_l0"), "weight_hh, and none"),
    ],
)
def test_what_cannot_be_told_is_refused(layer: Layer, message: str) -> None:
    with pytest.raises(UnfitError, match=message):
        draw_of(layer)
