"""Normals and uniforms whose variance is a scale over a fan, as JAX, Keras and others have them.

What JAX and Keras call a normal is cut off at two standard deviations, and widened so that its
variance is what the scheme says; torch's `xavier_normal` and `kaiming_normal` are not cut off. The
names are therefore distinct, and none stands for another.

Sources: jax/_src/nn/initializers.py; keras/src/initializers/random_initializers.py;
fvcore/nn/weight_init.py; transformers/initialization.py.
"""

from __future__ import annotations

import math
from typing import Literal

from initcli.schemes import fills, gaussian
from initcli.schemes import law as laws
from initcli.schemes.layer import Convention, Layer
from initcli.schemes.layout import Mode
from initcli.schemes.registry import Draw, scheme
from initcli.schemes.require import require

Distribution = Literal["truncated_normal", "untruncated_normal", "uniform"]

_LIBRARIES = "jax.nn.initializers, keras.initializers"
_GLOROT = f"Glorot & Bengio 2010, AISTATS; {_LIBRARIES}"
_HE = f"He et al. 2015, arXiv:1502.01852; {_LIBRARIES}"
_LECUN = f"LeCun et al. 1998, Efficient BackProp; {_LIBRARIES}"

# The standard deviation of a standard normal variable cut off at ±2, as the libraries write it.
_CUT_AT_TWO = 0.87962566103423978
# Less of the normal law than this has no float64 to hold its parts.
_LEAST_MASS = 1e-290


@scheme(
    formula="N(mean, std²) given low ≤ (x − mean)/std ≤ high; std larger if corrected",
    variance="std² if corrected, else std²·[1 + (lφ(l) − hφ(h))/Z − ((φ(l) − φ(h))/Z)²]",
    citation="Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions I, 13.10",
)
def truncated_normal(
    layer: Layer,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    corrected: bool = False,
) -> Draw:
    """Draws from a normal distribution cut off at bounds in units of its standard deviation."""
    require(low < high, "low must be less than high")
    mass = math.exp(gaussian.log_mass(low, high))
    require(mass > _LEAST_MASS, "hardly any normal value is that far out")
    spread = std / laws.truncated_normal(0.0, 1.0, low, high).std if corrected else std
    require(spread > 0 and spread**2 > 0, "std must be positive")
    return fills.truncated_normal(mean, spread, mean + low * spread, mean + high * spread)


@scheme(
    formula="mean 0, variance scale/fan: uniform, normal, or normal cut off at ±2σ and widened",
    variance="scale/fan",
    citation=_LIBRARIES,
)
def variance_scaling(
    layer: Layer,
    scale: float = 1.0,
    mode: Mode = "fan_in",
    distribution: Distribution = "truncated_normal",
    fans: Convention = "layer",
) -> Draw:
    """Divides a variance by a fan, of which glorot, he and lecun are cases."""
    std = math.sqrt(max(scale, 0.0) / layer.fans(fans).of(mode))
    require(std**2 > 0, "scale must be positive")
    return fills.remarked(_spread(std, distribution), layer, fans)


def _spread(std: float, distribution: Distribution) -> Draw:
    if distribution == "uniform":
        bound = math.sqrt(3) * std
        return fills.uniform(-bound, bound)
    if distribution == "untruncated_normal":
        return fills.normal(0.0, std)
    wide = std / _CUT_AT_TWO
    return fills.truncated_normal(0.0, wide, -2 * wide, 2 * wide)


@scheme(formula="U(±√(6/(fan_in + fan_out)))", variance="2/(fan_in + fan_out)", citation=_GLOROT)
def glorot_uniform(layer: Layer, fans: Convention = "layer") -> Draw:
    """Keeps the variance of signals and gradients; xavier_uniform with the layer's own fans."""
    return variance_scaling(layer, 1.0, "fan_avg", "uniform", fans)


@scheme(
    formula="N(0, s²) given −2s ≤ x ≤ 2s, s² = 2/(fan_in + fan_out)/0.7737",
    variance="2/(fan_in + fan_out)",
    citation=_GLOROT,
)
def glorot_normal(layer: Layer, fans: Convention = "layer") -> Draw:
    """Keeps the variance of signals and gradients; cut off at ±2s, which xavier_normal is not."""
    return variance_scaling(layer, 1.0, "fan_avg", "truncated_normal", fans)


@scheme(formula="U(±√(6/fan_in))", variance="2/fan_in", citation=_HE)
def he_uniform(layer: Layer, fans: Convention = "layer") -> Draw:
    """Keeps the variance of signals under relu; kaiming_uniform with the layer's own fans."""
    return variance_scaling(layer, 2.0, "fan_in", "uniform", fans)


@scheme(
    formula="N(0, s²) given −2s ≤ x ≤ 2s, s² = 2/fan_in/0.7737", variance="2/fan_in", citation=_HE
)
def he_normal(layer: Layer, fans: Convention = "layer") -> Draw:
    """Keeps the variance of signals under relu; cut off at ±2s, which kaiming_normal is not."""
    return variance_scaling(layer, 2.0, "fan_in", "truncated_normal", fans)


@scheme(formula="U(±√(3/fan_in))", variance="1/fan_in", citation=_LECUN)
def lecun_uniform(layer: Layer, fans: Convention = "layer") -> Draw:
    """Keeps the variance of signals under linear units and selu."""
    return variance_scaling(layer, 1.0, "fan_in", "uniform", fans)


@scheme(
    formula="N(0, s²) given −2s ≤ x ≤ 2s, s² = 1/fan_in/0.7737",
    variance="1/fan_in",
    citation=_LECUN,
)
def lecun_normal(layer: Layer, fans: Convention = "layer") -> Draw:
    """Keeps the variance of signals under linear units and selu; cut off at ±2s."""
    return variance_scaling(layer, 1.0, "fan_in", "truncated_normal", fans)


@scheme(
    formula="N(0, s²) given −2 ≤ x ≤ 2, s² = 1/fan_in/0.7737; the bound is absolute",
    variance="1.2924/fan_in, less where fan_in is so small that ±2 cuts",
    citation="transformers.initialization.lecun_normal_",
)
def hf_lecun_normal(layer: Layer, fans: Convention = "torch") -> Draw:
    """Draws what transformers calls lecun_normal_: widened for a cut that hardly ever happens."""
    wide = math.sqrt(1 / layer.fans(fans).fan_in) / _CUT_AT_TWO
    return fills.remarked(fills.truncated_normal(0.0, wide, -2.0, 2.0), layer, fans)


@scheme(formula="U(±√(3/fan_in))", variance="1/fan_in", citation="fvcore.nn.weight_init")
def c2_xavier_fill(layer: Layer, fans: Convention = "torch") -> Draw:
    """Draws what Caffe2 calls Xavier, which looks at fan_in alone: kaiming_uniform(a=1)."""
    return variance_scaling(layer, 1.0, "fan_in", "uniform", fans)


@scheme(formula="N(0, 2/fan_out)", variance="2/fan_out", citation="fvcore.nn.weight_init")
def c2_msra_fill(layer: Layer, fans: Convention = "torch") -> Draw:
    """Draws what Caffe2 calls MSRA: kaiming_normal(mode=fan_out, nonlinearity=relu)."""
    return variance_scaling(layer, 2.0, "fan_out", "untruncated_normal", fans)
