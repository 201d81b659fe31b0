"""What each tensor is to its layer, as far as names and shapes tell."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import replace

from initcli.core.tensor import Shape, TensorSpec
from initcli.schemes.layer import Layer, Role
from initcli.schemes.layout import Kind, Layout, shape_alone

_SHORT_NORMS = {"ln", "bn", "gn"}
_SCALES = {"weight", "gamma", "scale"}
_SHIFTS = {"beta"}
# What weight normalisation scales directions by, old spelling and new.
_MAGNITUDES = {"weight_g", "original0"}


# Attention keeps three projections in one weight, gated units two.
_FUSED = {
    "in_proj_weight": 3,
    "qkv": 3,
    "wqkv": 3,
    "query_key_value": 3,
    "c_attn": 3,
    "gate_up_proj": 2,
}
_MATRIX = 2
_LOOKED_UP = re.compile(r"(^|_)(w[tp]e|embed\w*|emb|embedding|embeddings)(_|$)|^(tok|pos)$")


def layers_of(specs: Mapping[str, TensorSpec]) -> dict[str, Layer]:
    """Guesses every tensor's layer where no module is at hand to ask.

    Floats of two or more dimensions are weights, unless they are called bias (attention masks
    and relative positions are). Vectors called bias are biases, except beside a vector called
    weight or inside a layer whose name speaks of a norm; such pairs belong to normalisations.
    Scalars, GPT-2's `masked_bias` among them, are neither.

    A layout is told by the length of the bias, which is the number of outputs, and by the names
    of fused projections, experts and embeddings; where neither speaks it is left open. A square
    weight lies as those of the layers beside it. A bias has the layout of its weight.
    """
    beside: dict[str, dict[str, Shape]] = {}
    for name, spec in specs.items():
        layer, _, last = name.rpartition(".")
        beside.setdefault(layer, {})[last] = spec.shape
    swapped = _with_swapped(beside)
    return {
        name: Layer(
            spec.shape,
            name,
            _role(spec, specs),
            _layout(_weight_of(spec, specs), beside[name.rpartition(".")[0]], swapped),
            beside=beside[name.rpartition(".")[0]],
        )
        for name, spec in specs.items()
    }


def _weight_of(spec: TensorSpec, specs: Mapping[str, TensorSpec]) -> TensorSpec:
    """Returns the weight that a bias stands beside; anything else is its own."""
    layer, dot, last = spec.name.rpartition(".")
    is_bias = len(spec.shape) == 1 and "bias" in last
    return specs.get(f"{layer}{dot}{last.replace('bias', 'weight')}", spec) if is_bias else spec


def _with_swapped(beside: Mapping[str, Mapping[str, Shape]]) -> set[str]:
    """Returns modules that hold a layer whose bias is as long as its weight's second side."""
    return {
        layer.lower().rpartition(".")[0]
        for layer, held in beside.items()
        if (shape := held.get("weight", ()))[1:] == held.get("bias") != shape[:1]
    }


def _layout(
    spec: TensorSpec, beside: Mapping[str, Shape], swapped: Container[str]
) -> Layout | None:
    if len(spec.shape) < _MATRIX or not spec.dtype.is_float or not spec.parameters:
        return None
    layer, _, last = spec.name.lower().rpartition(".")
    holder = layer.rpartition(".")[2]
    parts = _FUSED.get(last) or _FUSED.get(holder) or 1
    if len(spec.shape) == _MATRIX and is_looked_up(spec.name):
        return Layout("embedding")
    is_kernel = last == "kernel"  # as Keras and Flax call a weight
    told_of = "bias" if is_kernel else spec.name.rpartition(".")[2].replace("weight", "bias")
    bias = beside.get(told_of, ()) if not is_kernel or len(spec.shape) == _MATRIX else ()
    if len(spec.shape) == _MATRIX + 1 and "experts" in layer.split("."):
        kind: Kind = "in_out" if are_transposed(beside) else "linear"
        told: Layout | None = Layout(kind, parts=parts, stacked=True)
    elif spec.shape == bias * _MATRIX and layer.rpartition(".")[0] in swapped:
        told = Layout("in_out", parts=parts)
    elif len(bias) == 1:
        told = _told_by_bias(spec.shape, bias[0], parts)
    else:
        told = replace(shape_alone(spec.shape), parts=parts)
    if told is None or not told.fits(spec.shape) or told == shape_alone(spec.shape):
        return None
    return told


def is_looked_up(name: str) -> bool:
    """Whether a matrix of this name is a table of which entries are looked up."""
    layer, _, last = name.lower().rpartition(".")
    return bool(_LOOKED_UP.search(layer.rpartition(".")[2] if last == "weight" else last))


def are_transposed(beside: Mapping[str, Shape]) -> bool:
    """Whether stacked experts lie as (expert, inputs, outputs), as those of GPT-OSS and Llama 4 do.

    The fused half of a gated unit tells: it has twice the outputs that the other has inputs.
    """
    up, down = beside.get("gate_up_proj", ()), beside.get("down_proj", ())
    return len(up) == len(down) == _MATRIX + 1 and up[2] == 2 * down[1] and up[1] == down[2]


def _told_by_bias(shape: Shape, outputs: int, parts: int) -> Layout | None:
    if outputs == shape[0]:
        return Layout("linear" if len(shape) == _MATRIX else "conv", parts=parts)
    if len(shape) == _MATRIX:
        return Layout("in_out", parts=parts) if outputs == shape[1] else None
    return Layout("conv_transpose", groups=outputs // shape[1]) if not outputs % shape[1] else None


def _role(spec: TensorSpec, specs: Mapping[str, TensorSpec]) -> Role:
    layer, _, last = spec.name.rpartition(".")
    if not spec.dtype.is_float or not spec.shape:
        return Role.OTHER
    if len(spec.shape) > 1:
        is_other = "bias" in last.lower() or last in _MAGNITUDES
        return Role.OTHER if is_other else Role.WEIGHT
    sibling = specs.get(f"{layer}.weight" if layer else "weight")
    is_norm = _is_normalisation(layer) or (sibling is not None and len(sibling.shape) == 1)
    return _vector_role(last.lower(), is_norm=is_norm)


def _vector_role(last: str, *, is_norm: bool) -> Role:
    if last in _SCALES and is_norm:
        return Role.NORMALISATION_WEIGHT
    if last in _SHIFTS or (is_norm and last == "bias"):
        return Role.NORMALISATION_BIAS
    return Role.BIAS if "bias" in last else Role.OTHER


def _is_normalisation(layer: str) -> bool:
    last = layer.rpartition(".")[2].lower()
    return "norm" in last or not _SHORT_NORMS.isdisjoint(re.split(r"[_\d]+", last))
