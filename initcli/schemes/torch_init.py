"""The schemes of torch.nn.init, drawn by torch's own functions under torch's own names.

Fans are counted as torch counts them, so that every draw equals torch's bit for bit.
Source: https://pytorch.org/docs/stable/nn.init.html
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from initcli.schemes import law as laws
from initcli.schemes.gain import Gain, Nonlinearity, gain_of
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import FLOAT32_MAX, Draw, Fill, scheme

if TYPE_CHECKING:
    import torch

Mode = Literal["fan_in", "fan_out"]

_TORCH = "torch.nn.init"
_XAVIER = "Glorot & Bengio 2010, AISTATS"
_KAIMING = "He et al. 2015, arXiv:1502.01852"


@scheme(formula="U[a, b)", variance="(b − a)²/12", citation=_TORCH)
def uniform(layer: Layer, a: float = 0.0, b: float = 1.0) -> Draw:
    """Draws evenly between two bounds."""
    _require(a <= b, "a must not exceed b")
    _require(b - a <= FLOAT32_MAX, "b − a must fit float32")
    return Draw(laws.uniform(a, b), _torch("uniform_", a=a, b=b))


@scheme(formula="N(mean, std²)", variance="std²", citation=_TORCH)
def normal(layer: Layer, mean: float = 0.0, std: float = 1.0) -> Draw:
    """Draws from a normal distribution."""
    _require(std >= 0, "std must not be negative")
    return Draw(laws.normal(mean, std), _torch("normal_", mean=mean, std=std))


@scheme(
    formula="N(mean, std²) given a ≤ x ≤ b; a and b are absolute, not in units of std",
    variance="std²·[1 + (αφ(α) − βφ(β))/Z − ((φ(α) − φ(β))/Z)²], Z = Φ(β) − Φ(α)",
    citation=_TORCH,
)
def trunc_normal(
    layer: Layer, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Draw:
    """Draws from a normal distribution, again until the value lies between two bounds."""
    _require(std**2 > 0, "std must be positive")
    _require(a < b, "a must be less than b")
    fill = _torch("trunc_normal_", mean=mean, std=std, a=a, b=b)
    return Draw(laws.truncated_normal(mean, std, a, b), fill)


@scheme(formula="val", variance="0", citation=_TORCH)
def constant(layer: Layer, val: float) -> Draw:
    """Sets every value to one number."""
    return Draw(laws.constant(val), _torch("constant_", val=val))


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
    return Draw(laws.ones_among_zeros(share), _torch("eye_"))


@scheme(
    formula="w[g·O/G + i, i, centre] = 1 for each of G groups, else 0",
    variance="p − p², p = G·min(O/G, size(1))/numel",
    citation=_TORCH,
)
def dirac(layer: Layer, groups: int = 1) -> Draw:
    """Makes a convolution pass as many of its channels through as it can."""
    layer.require(least=3, most=5)
    _require(groups > 0, "groups must be positive")
    outputs, inputs = layer.shape[:2]
    if outputs % groups:
        message = f"{outputs} output channels do not divide into {groups} groups"
        raise UnfitError(message)
    share = groups * min(outputs // groups, inputs) / math.prod(layer.shape)
    return Draw(laws.ones_among_zeros(share), _torch("dirac_", groups=groups))


@scheme(
    formula="U(±gain·√(6/(fan_in + fan_out)))",
    variance="2·gain²/(fan_in + fan_out)",
    citation=_XAVIER,
)
def xavier_uniform(layer: Layer, gain: Gain = 1.0) -> Draw:
    """Keeps the variance of signals and gradients under linear units."""
    bound = math.sqrt(3) * gain * _xavier_std(layer)
    _require(0 <= 2 * bound <= FLOAT32_MAX, "gain must not be negative, nor leave float32")
    return Draw(laws.uniform(-bound, bound), _torch("xavier_uniform_", gain=gain))


@scheme(
    formula="N(0, 2·gain²/(fan_in + fan_out))",
    variance="2·gain²/(fan_in + fan_out)",
    citation=_XAVIER,
)
def xavier_normal(layer: Layer, gain: Gain = 1.0) -> Draw:
    """Keeps the variance of signals and gradients under linear units; never truncated."""
    _require(gain >= 0, "gain must not be negative")
    std = gain * _xavier_std(layer)
    return Draw(laws.normal(0.0, std), _torch("xavier_normal_", gain=gain))


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
) -> Draw:
    """Keeps the variance of signals (fan_in) or gradients (fan_out) under rectifiers."""
    bound = math.sqrt(3) * _kaiming_std(layer, a, mode, nonlinearity)
    # torch's own kaiming_uniform_ does this, but for the nonlinearities whose gain it knows only.
    return Draw(laws.uniform(-bound, bound), _torch("uniform_", a=-bound, b=bound))


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
) -> Draw:
    """Keeps the variance of signals (fan_in) or gradients (fan_out) under rectifiers."""
    std = _kaiming_std(layer, a, mode, nonlinearity)
    return Draw(laws.normal(0.0, std), _torch("normal_", mean=0.0, std=std))


@scheme(
    formula="gain·Q, Q random with orthonormal rows or columns; r = size(0), c = the rest",
    variance="gain²/max(r, c), the same in every draw",
    citation="Saxe et al. 2014, arXiv:1312.6120",
)
def orthogonal(layer: Layer, gain: Gain = 1.0) -> Draw:
    """Makes the matrix r×c, or a convolution flattened to it, a random isometry."""
    layer.require(least=2)
    longer = max(layer.shape[0], math.prod(layer.shape[1:]))
    law = laws.orthogonal(gain**2 / longer, longer) if gain**2 else laws.constant(0.0)
    return Draw(law, _torch("orthogonal_", gain=gain))


@scheme(
    formula="N(0, std²) with Z = ⌈sparsity·r⌉ zeros in each column",
    variance="std²·(1 − Z/r)",
    citation="Martens 2010, ICML (Deep learning via Hessian-free optimization)",
)
def sparse(layer: Layer, sparsity: float, std: float = 0.01) -> Draw:
    """Connects each input of the matrix r×c to a few units only."""
    layer.require(least=2, most=2)
    _require(0 <= sparsity <= 1, "sparsity must lie between 0 and 1")
    _require(std >= 0, "std must not be negative")
    rows = layer.shape[0]
    law = laws.with_zeros(laws.normal(0.0, std), math.ceil(sparsity * rows) / rows)
    return Draw(
        law if std**2 else laws.constant(0.0),
        _seed_globally(_torch("sparse_", sparsity=sparsity, std=std)),
    )


def _xavier_std(layer: Layer) -> float:
    return math.sqrt(2 / (layer.fan_in + layer.fan_out))


def _kaiming_std(layer: Layer, a: float, mode: Mode, nonlinearity: Nonlinearity) -> float:
    return gain_of(nonlinearity, a) / math.sqrt(layer.fan(mode))


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise ValueError(message)


def _torch(name: str, **parameters: object) -> Fill:
    """Returns torch's function of a name, looked up only when something is drawn."""

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        function = getattr(torch.nn.init, name)
        keyed = parameters | ({"generator": generator} if name in _RANDOM else {})
        return function(tensor, **keyed)

    return fill


_RANDOM = {
    "uniform_",
    "normal_",
    "trunc_normal_",
    "xavier_uniform_",
    "xavier_normal_",
    "orthogonal_",
    "sparse_",
}


def _seed_globally(fill: Fill) -> Fill:
    """Lends a fill the generator's state as torch's global one, and takes it back.

    torch 2.13 chooses the zeros of `sparse_` from the global generator whatever generator it is
    given (pytorch PR 196941), which would make the same seed give other bytes.
    """

    def seeded(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(generator.get_state())
            return fill(tensor, torch.default_generator)

    return seeded
