"""What the modules of torch.nn give their own parameters: `reset_parameters`, one by one.

Where a module is at hand, the class whose reset it runs decides. Of a tensor in a file only its
name, role and layout are known; what several modules could hold under one name is refused rather
than guessed.

Source: https://github.com/pytorch/pytorch/tree/v2.13.0/torch/nn/modules
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from initcli.core.tensor import Shape
from initcli.schemes import fills
from initcli.schemes.gain import gain_of
from initcli.schemes.layer import Layer, Role, UnfitError
from initcli.schemes.layout import torch_fans
from initcli.schemes.padding import with_zero_row
from initcli.schemes.registry import Draw, scheme

_RECURRENT = re.compile(r"(weight|bias)_(ih|hh|hr)(_l\d+(_reverse)?)?")
_ATTENTION = re.compile(r"in_proj_(weight|bias)|[qkv]_proj_weight|bias_[kv]")
_NORM_NAME = re.compile(r"norm|(^|[._])[bgl]n[._\d]")
_NORMS = frozenset({"_NormBase", "LayerNorm", "GroupNorm", "RMSNorm"})
_NORMALISATIONS = frozenset({Role.NORMALISATION_WEIGHT, Role.NORMALISATION_BIAS})
_NORM_VALUES: Mapping[str, float] = {
    "weight": 1.0,
    "gamma": 1.0,
    "scale": 1.0,
    "bias": 0.0,
    "beta": 0.0,
    "running_mean": 0.0,
    "running_var": 1.0,
}
_PRELU = 0.25


@scheme(
    formula="as the module's own reset: Linear and Conv U(±1/√fan_in), Embedding N(0, 1), …",
    variance="of the module: Linear and Conv 1/(3·fan_in), RNN 1/(3·hidden), …",
    citation="torch.nn, reset_parameters of each module",
)
def torch_default(layer: Layer) -> Draw:
    """Draws what PyTorch's module gives its parameter when it is constructed.

    A PReLU is taken to have its default slope; everything of more than one dimension inside an
    `nn.Transformer` is `xavier_uniform`, as its own reset comes last.
    """
    if "Transformer" in layer.resets and len(layer.shape) > 1:
        return _xavier_uniform(layer)
    reset = layer.resets[-1] if layer.owners else _guessed(layer)
    if reset not in _RESETS:
        raise UnfitError(f"{layer.module or 'its module'} is not one that torch.nn resets")
    return _RESETS[reset](layer)


def _guessed(layer: Layer) -> str:
    """Tells the class whose reset it is by what a file shows of a tensor."""
    kind = layer.layout.kind if layer.layout else ""
    if _RECURRENT.fullmatch(layer.parameter):
        return "RNNBase"
    if _ATTENTION.fullmatch(layer.parameter):
        return "MultiheadAttention"
    if layer.parameter.startswith("running_") or layer.role in _NORMALISATIONS:
        return _guessed_norm(layer)
    if layer.name.endswith("out_proj.bias"):
        raise UnfitError("in attention it begins at zero, elsewhere not, and a file cannot tell")
    if layer.role is Role.OTHER or kind == "in_out" or (layer.layout and layer.layout.stacked):
        raise UnfitError(f"no module of torch.nn is known to hold it ({layer.role.value})")
    return "Embedding" if kind == "embedding" else "Linear"


def _guessed_norm(layer: Layer) -> str:
    if layer.beside.keys() <= {layer.parameter} and not _NORM_NAME.search(layer.name.lower()):
        raise UnfitError("a norm's begins at one, a PReLU's at 0.25, and a file cannot tell")
    return "_NormBase"


def _affine(layer: Layer) -> Draw:
    if layer.parameter == "bias" and layer.resets[-2:-1] == ("MultiheadAttention",):
        return fills.constant(0.0)
    fan = torch_fans(_weight(layer)).fan_in
    if not fan:
        raise UnfitError("its layer has no inputs")
    if layer.role is Role.BIAS:
        return _within(1 / math.sqrt(fan))
    # In the order of kaiming_uniform_(a=√5), which decides the last bit.
    std = gain_of("leaky_relu", math.sqrt(5)) / math.sqrt(fan)
    return _within(math.sqrt(3.0) * std)


def _weight(layer: Layer) -> Shape:
    """Returns the shape of a layer's weight, which a bias is drawn by too.

    Raises:
        UnfitError: No weight lies beside a bias.
    """
    if layer.role is not Role.BIAS:
        return layer.shape
    name = layer.parameter.replace("bias", "weight")
    if name not in layer.beside:
        raise UnfitError("its bound depends on a weight, and none lies beside it")
    return layer.beside[name]


def _bilinear(layer: Layer) -> Draw:
    return _within(1 / math.sqrt(_weight(layer)[1]))


def _recurrent(layer: Layer) -> Draw:
    suffix = layer.parameter.removeprefix("weight_").removeprefix("bias_")[len("ih") :]
    held = [layer.beside.get(f"weight_{part}{suffix}") for part in ("hr", "hh")]
    # With a projection, weight_hr (projected, hidden) lies between hidden and output.
    shape = next((shape for shape in held if shape), ())
    if len(shape) != 2 or not shape[1]:  # noqa: PLR2004 - a matrix
        raise UnfitError("its bound depends on weight_hh, and none lies beside it")
    return _within(1 / math.sqrt(shape[1]))


def _embedding(layer: Layer) -> Draw:
    drawn = fills.normal(0.0, 1.0)
    return drawn if layer.padding is None else with_zero_row(drawn, layer.shape, layer.padding)


def _attention(layer: Layer) -> Draw:
    if layer.parameter == "in_proj_bias":
        return fills.constant(0.0)
    if layer.parameter in {"bias_k", "bias_v"}:
        fans = torch_fans(layer.shape)
        return fills.normal(0.0, math.sqrt(2.0 / (fans.fan_in + fans.fan_out)))
    return _xavier_uniform(layer)


def _xavier_uniform(layer: Layer) -> Draw:
    fans = torch_fans(layer.shape)
    return _within(math.sqrt(3.0) * math.sqrt(2.0 / (fans.fan_in + fans.fan_out)))


def _normalisation(layer: Layer) -> Draw:
    if layer.parameter not in _NORM_VALUES:
        raise UnfitError("no normalisation of torch.nn holds it")
    return fills.constant(_NORM_VALUES[layer.parameter])


def _slope(layer: Layer) -> Draw:
    return fills.constant(_PRELU)


def _within(bound: float) -> Draw:
    return fills.uniform(-bound, bound)


# By the class of torch.nn that defines the reset.
_RESETS: Mapping[str, Callable[[Layer], Draw]] = {
    "Linear": _affine,
    "_ConvNd": _affine,
    "Bilinear": _bilinear,
    "RNNBase": _recurrent,
    "RNNCellBase": _recurrent,
    "Embedding": _embedding,
    "EmbeddingBag": _embedding,
    "MultiheadAttention": _attention,
    "PReLU": _slope,
    **dict.fromkeys(_NORMS, _normalisation),
}
