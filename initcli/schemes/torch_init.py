"""The schemes of torch.nn.init under torch's own names; every draw equals torch's bit for bit.

For that, fans are by default counted as torch counts them: `fans=layer` counts the layer's.
Source: https://pytorch.org/docs/stable/nn.init.html
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from initcli.schemes import fills, gaussian
from initcli.schemes import law as laws
from initcli.schemes.gain import Gain, Nonlinearity, gain_of
from initcli.schemes.layer import Convention, Fans, Layer, Layout, UnfitError
from initcli.schemes.registry import FLOAT32_MAX, Draw, Fill, scheme
from initcli.schemes.require import require
from initcli.schemes.structure import ZerosPerColumn

if TYPE_CHECKING:
    import torch

Mode = Literal["fan_in", "fan_out"]

_TORCH = "torch.nn.init"
_XAVIER = "Glorot & Bengio 2010, AISTATS"
_KAIMING = "He et al. 2015, arXiv:1502.01852"


@scheme(formula="U[a, b)", variance="(b − a)²/12", citation=_TORCH)
def uniform(layer: Layer, a: float = 0.0, b: float = 1.0) -> Draw:
    """Draws evenly between two bounds."""
    require(a <= b, "a must not exceed b")
    require(b - a <= FLOAT32_MAX, "b − a must fit float32")
    return fills.uniform(a, b)


@scheme(formula="N(mean, std²)", variance="std²", citation=_TORCH)
def normal(layer: Layer, mean: float = 0.0, std: float = 1.0) -> Draw:
    """Draws from a normal distribution."""
    require(std >= 0, "std must not be negative")
    return fills.normal(mean, std)


@scheme(
    formula="N(mean, std²) given a ≤ x ≤ b; a and b are absolute, not in units of std",
    variance="std²·[1 + (αφ(α) − βφ(β))/Z − ((φ(α) − φ(β))/Z)²], Z = Φ(β) − Φ(α)",
    citation=_TORCH,
)
def trunc_normal(
    layer: Layer, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Draw:
    """Draws from a normal distribution, again until the value lies between two bounds."""
    require(std**2 > 0, "std must be positive")
    require(a < b, "a must be less than b")
    law = laws.truncated_normal(mean, std, a, b)
    if min(mean - a, b - mean) > _REACH * std:
        # No normal of torch's lies so far out, and none is drawn again: its first pass is all.
        return replace(fills.normal(mean, std), law=law)
    message = "torch would not come to an end so far out: truncated_normal draws it at once"
    require(_accepted((a - mean) / std, (b - mean) / std) > _LEAST_ACCEPTED, message)
    fill = fills.of_torch("trunc_normal_", mean=mean, std=std, a=a, b=b)
    return Draw(law, fill, held=_TRUNCATION)


@scheme(formula="val", variance="0", citation=_TORCH)
def constant(layer: Layer, val: float) -> Draw:
    """Sets every value to one number."""
    return fills.constant(val)


@scheme(formula="1", variance="0", citation=_TORCH)
def ones(layer: Layer) -> Draw:
    """Sets every value to one."""
    return constant(layer, 1.0)


@scheme(formula="0", variance="0", citation=_TORCH)
def zeros(layer: Layer) -> Draw:
    """Sets every value to zero."""
    return constant(layer, 0.0)


@scheme(formula="w[i, i] = 1, else 0", variance="m/rc − (m/rc)², m = min(r, c)", citation=_TORCH)
def eye(layer: Layer) -> Draw:
    """Makes the matrix r×c an identity."""
    layer.require(least=2, most=2)
    rows, columns = layer.shape
    share = min(rows, columns) / (rows * columns)
    return Draw(laws.ones_among_zeros(share), fills.fixed_of_torch("eye_"))


@scheme(
    formula="w[g·O/G + i, i, centre] = 1 for each of G groups, else 0",
    variance="p − p², p = G·min(O/G, size(1))/numel",
    citation=_TORCH,
)
def dirac(layer: Layer, groups: int = 1) -> Draw:
    """Makes a convolution pass as many of its channels through as it can."""
    layer.require(least=3, most=5)
    require(groups > 0, "groups must be positive")
    outputs, inputs = layer.shape[:2]
    if outputs % groups:
        message = f"{outputs} output channels do not divide into {groups} groups"
        raise UnfitError(message)
    share = groups * min(outputs // groups, inputs) / math.prod(layer.shape)
    return Draw(laws.ones_among_zeros(share), fills.fixed_of_torch("dirac_", groups=groups))


@scheme(
    formula="U(±gain·√(6/(fan_in + fan_out)))",
    variance="2·gain²/(fan_in + fan_out)",
    citation=_XAVIER,
)
def xavier_uniform(layer: Layer, gain: Gain = 1.0, fans: Convention = "torch") -> Draw:
    """Keeps the variance of signals and gradients under linear units."""
    bound = math.sqrt(3) * _xavier_std(layer.fans(fans), gain)
    require(0 <= 2 * bound <= FLOAT32_MAX, "gain must not be negative, nor leave float32")
    return fills.remarked(fills.uniform(-bound, bound), layer, fans)


@scheme(
    formula="N(0, 2·gain²/(fan_in + fan_out))",
    variance="2·gain²/(fan_in + fan_out)",
    citation=_XAVIER,
)
def xavier_normal(layer: Layer, gain: Gain = 1.0, fans: Convention = "torch") -> Draw:
    """Keeps the variance of signals and gradients under linear units; never truncated."""
    require(gain >= 0, "gain must not be negative")
    return fills.remarked(fills.normal(0.0, _xavier_std(layer.fans(fans), gain)), layer, fans)


@scheme(
    formula="U(±gain·√(3/fan)), gain of the nonlinearity, a its slope if leaky_relu",
    variance="gain²/fan",
    citation=_KAIMING,
)
def kaiming_uniform(
    layer: Layer,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: Nonlinearity = "leaky_relu",
    fans: Convention = "torch",
) -> Draw:
    """Keeps the variance of signals (fan_in) or gradients (fan_out) under rectifiers."""
    std = gain_of(nonlinearity, a) / math.sqrt(layer.fans(fans).of(mode))
    bound = math.sqrt(3) * std
    return fills.remarked(fills.uniform(-bound, bound), layer, fans)


@scheme(
    formula="N(0, gain²/fan), gain of the nonlinearity, a its slope if leaky_relu",
    variance="gain²/fan",
    citation=_KAIMING,
)
def kaiming_normal(
    layer: Layer,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: Nonlinearity = "leaky_relu",
    fans: Convention = "torch",
) -> Draw:
    """Keeps the variance of signals (fan_in) or gradients (fan_out) under rectifiers."""
    std = gain_of(nonlinearity, a) / math.sqrt(layer.fans(fans).of(mode))
    return fills.remarked(fills.normal(0.0, std), layer, fans)


@scheme(
    formula="gain·Q, Q random with orthonormal rows or columns; r = size(0), c = the rest",
    variance="gain²/max(r, c), the same in every draw",
    citation="Saxe et al. 2014, arXiv:1312.6120",
)
def orthogonal(layer: Layer, gain: Gain = 1.0, fans: Convention = "torch") -> Draw:
    """Makes the matrix r×c, or a kernel flattened to it, an isometry; fans=layer each part's."""
    layer.require(least=2)
    fill = fills.of_torch("orthogonal_", gain=gain)
    layout = layer.layout
    if layout is None or not layout.holds_several or fans == "torch":
        longer = max(layer.shape[0], math.prod(layer.shape[1:]))
        draw = Draw(laws.orthogonal(gain, longer), fill, held=_FACTORS)
        return replace(draw, remark=_as_one(layout))
    sides = layout.matrices(layer.shape)
    return Draw(laws.orthogonal(gain, max(sides), sides), _each(fill, sides), held=_FACTORS)


@scheme(
    formula="N(0, std²) with Z = ⌈sparsity·r⌉ zeros in each column",
    variance="std²·(1 − Z/r)",
    citation="Martens 2010, ICML (Deep learning via Hessian-free optimization)",
)
def sparse(layer: Layer, sparsity: float, std: float = 0.01) -> Draw:
    """Connects each input of the matrix r×c to a few units only."""
    layer.require(least=2, most=2)
    require(0 <= sparsity <= 1, "sparsity must lie between 0 and 1")
    require(std >= 0, "std must not be negative")
    rows = layer.shape[0]
    places = ZerosPerColumn(math.ceil(sparsity * rows))
    law = laws.with_zeros(laws.normal(0.0, std), places.count / rows, places)
    fill = fills.seeded_globally(fills.of_torch("sparse_", sparsity=sparsity, std=std))
    return Draw(law if std**2 else laws.constant(0.0), fill)


# What torch's functions hold beside the tensor, in bytes a value: masks, candidates and the
# matrix to be factored with its factors.
_TRUNCATION = 16
# In standard deviations: of 53 random bits, as the fewest values have, none is beyond 8.6.
_REACH = 9.0
# At a hundredth a million values take torch some thousand rounds over all of them.
_LEAST_ACCEPTED = 0.01
_BY_NORMALS = 0.3
_FACTORS = 16


def _accepted(low: float, high: float) -> float:
    """Returns the share that torch accepts of what it proposes, evenly between bounds in σ.

    Where more than 0.3 of the normal law lies between them it draws normals instead.
    """
    log_mass = gaussian.log_mass(low, high)
    mode = min(max(0.0, low), high)
    share = math.sqrt(2 * math.pi) * math.exp(log_mass + mode**2 / 2) / (high - low)
    return max(share, math.exp(log_mass) if log_mass > math.log(_BY_NORMALS) else 0.0)


def _as_one(layout: Layout | None) -> str:
    if layout is None or not layout.holds_several:
        return ""
    return f"one isometry over all that {layout.text} holds: fans=layer draws one of each"


def _each(fill: Fill, sides: tuple[int, int]) -> Fill:
    """Fills one matrix after the other."""

    def filled(tensor: torch.Tensor, generator: torch.Generator) -> None:
        for matrix in tensor.view(-1, *sides):
            fill(matrix, generator)

    return filled


def _xavier_std(fans: Fans, gain: float) -> float:
    # In torch's order of operations, which decides the last bit.
    return gain * math.sqrt(2.0 / float(fans.fan_in + fans.fan_out))
