"""Modules tell how their tensors lie, whatever names tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from initcli.models.module_source import module_source
from initcli.schemes.layer import Layer, Role
from initcli.schemes.spec import parse_scheme


def layer_of(module: nn.Module, name: str) -> Layer:
    return module_source("m", module, None).layers[name]


def inside(name: str, module: nn.Module) -> nn.Module:
    return nn.ModuleDict({name: module})


class Experts(nn.Module):
    def __init__(self, up: tuple[int, ...], down: tuple[int, ...]) -> None:
        super().__init__()
        self.gate_up_proj = nn.Parameter(torch.zeros(up))
        self.gate_up_proj_bias = nn.Parameter(torch.zeros(2, 6))
        self.down_proj = nn.Parameter(torch.zeros(down))


@pytest.mark.parametrize(
    ("build", "name", "layout", "fans"),
    [
        (lambda: nn.Linear(3, 4), "weight", "linear", "3 → 4"),
        (lambda: inside("embed", nn.Linear(3, 4)), "embed.weight", "linear", "3 → 4"),
        (lambda: inside("qkv", nn.Linear(4, 12)), "qkv.weight", "linear(parts=3)", "4 → 4"),
        (lambda: nn.Conv2d(8, 6, 3, groups=2), "weight", "conv(groups=2)", "36 → 27"),
        (lambda: nn.Conv1d(4, 4, 3), "weight", "conv", "12 → 12"),
        (
            lambda: nn.ConvTranspose2d(8, 6, 4, stride=(2, 1), groups=2),
            "weight",
            "conv_transpose(groups=2, stride=2)",
            "32 → 48",
        ),
        (lambda: nn.Embedding(9, 4), "weight", "embedding", "1 → 4"),
        (lambda: nn.EmbeddingBag(9, 4), "weight", "embedding", "1 → 4"),
        (lambda: nn.MultiheadAttention(4, 2), "in_proj_weight", "linear(parts=3)", "4 → 4"),
        (lambda: nn.MultiheadAttention(4, 2, kdim=3), "k_proj_weight", "linear", "3 → 4"),
        (lambda: nn.MultiheadAttention(4, 2), "out_proj.weight", "linear", "4 → 4"),
        (lambda: nn.LSTM(3, 5), "weight_ih_l0", "linear(parts=4)", "3 → 5"),
        (lambda: nn.LSTM(3, 5, proj_size=2), "weight_hh_l0", "linear(parts=4)", "2 → 5"),
        (lambda: nn.LSTM(3, 5, proj_size=2), "weight_hr_l0", "linear", "5 → 2"),
        (lambda: nn.GRU(3, 5), "weight_hh_l0", "linear(parts=3)", "5 → 5"),
        (lambda: nn.GRUCell(3, 5), "weight_ih", "linear(parts=3)", "3 → 5"),
        (lambda: nn.RNN(3, 5), "weight_ih_l0", "linear", "3 → 5"),
        (
            lambda: Experts((2, 6, 4), (2, 4, 3)),
            "gate_up_proj",
            "linear(parts=2, stacked=1)",
            "4 → 3",
        ),
        (
            lambda: Experts((2, 4, 6), (2, 3, 4)),
            "gate_up_proj",
            "in_out(parts=2, stacked=1)",
            "4 → 3",
        ),
        (lambda: Experts((2, 4, 6), (2, 3, 4)), "down_proj", "in_out(stacked=1)", "3 → 4"),
    ],
)
def test_fans_follow_from_the_type(
    build: Callable[[], nn.Module], name: str, layout: str, fans: str
) -> None:
    layer = layer_of(build(), name)
    assert layer.layout is not None
    assert (layer.layout.text, layer.fans("layer").text) == (layout, fans)
    assert layer.role is Role.WEIGHT


@pytest.mark.parametrize(
    ("build", "name", "role"),
    [
        (lambda: inside("norm", nn.Linear(3, 4)), "norm.weight", Role.WEIGHT),
        (lambda: inside("norm", nn.Linear(3, 4)), "norm.bias", Role.BIAS),
        (lambda: nn.LSTM(3, 4), "bias_hh_l0", Role.BIAS),
        (lambda: nn.MultiheadAttention(4, 2), "in_proj_bias", Role.BIAS),
        (lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True), "bias_k", Role.OTHER),
        (lambda: nn.Bilinear(2, 3, 4), "weight", Role.WEIGHT),
        (lambda: nn.Bilinear(2, 3, 4), "bias", Role.BIAS),
        (lambda: nn.PReLU(3), "weight", Role.OTHER),
        (lambda: nn.LayerNorm((2, 3)), "weight", Role.NORMALISATION_WEIGHT),
        (lambda: nn.BatchNorm1d(3), "running_var", Role.OTHER),
        (lambda: Experts((2, 6, 4), (2, 4, 3)), "gate_up_proj_bias", Role.BIAS),
    ],
)
def test_roles_follow_from_the_type(build: Callable[[], nn.Module], name: str, role: Role) -> None:
    assert layer_of(build(), name).role is role


def test_owners_are_listed_outermost_first_with_whose_reset_they_run() -> None:
    layer = layer_of(nn.TransformerEncoderLayer(4, 2), "self_attn.out_proj.weight")
    assert layer.owners == (
        "TransformerEncoderLayer",
        "MultiheadAttention",
        "NonDynamicallyQuantizableLinear",
    )
    assert layer.resets == ("", "MultiheadAttention", "Linear")


def test_what_lies_beside_a_bias_includes_a_tied_weight() -> None:
    module = nn.ModuleDict({"embed": nn.Embedding(9, 4), "head": nn.Linear(4, 9)})
    module["head"].weight = module["embed"].weight
    layer = layer_of(module, "head.bias")
    assert layer.beside == {"weight": (9, 4), "bias": (9,)}


def test_a_padding_row_is_counted_from_the_start() -> None:
    assert layer_of(nn.Embedding(9, 4, padding_idx=-1), "weight").padding == 8


@pytest.mark.parametrize(
    "module",
    [
        nn.ConvTranspose2d(16, 64, 4, stride=2, groups=2),
        nn.Conv1d(8, 12, 3, groups=4),
        nn.Linear(5, 7),
    ],
    ids=lambda module: type(module).__name__,
)
def test_a_bias_has_the_fans_of_its_weight_in_formulas(module: nn.Module) -> None:
    bias, weight = layer_of(module, "bias"), layer_of(module, "weight")
    assert bias.role is Role.BIAS
    formula = parse_scheme("normal(std=fan_in)")
    assert formula.draw(bias).law.std == pytest.approx(weight.fans("layer").fan_in)
