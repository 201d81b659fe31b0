"""What each tensor of a module is to its layer, told by the module's type.

Types are told by name, so that no library need be imported to ask for its classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from initcli.core.tensor import Shape, TensorSpec
from initcli.recipes.layers import are_transposed, layers_of
from initcli.schemes.layer import Layer, Role
from initcli.schemes.layout import Layout

if TYPE_CHECKING:
    from torch import nn

_RESETS = ("reset_parameters", "_reset_parameters")
_LIBRARIES = ("torch.nn.modules.", "transformers.")
_NORMS = frozenset({"_NormBase", "LayerNorm", "GroupNorm", "RMSNorm"})
_NORM_ROLES = {"weight": Role.NORMALISATION_WEIGHT, "bias": Role.NORMALISATION_BIAS}


def module_layers(module: nn.Module, specs: Mapping[str, TensorSpec]) -> dict[str, Layer]:
    """Returns what each tensor of a module is, by name.

    Where a type says nothing, what names and shapes tell stays (`layers_of`).

    Args:
        module: Built on any device.
        specs: What of its state dict is stored, by name.
    """
    layers = layers_of(specs)
    for path, chain in _chains(module):
        held = _held(chain[-1])
        for name in held:
            full = f"{path}.{name}" if path else name
            if full in layers:
                layers[full] = _told(chain[-1], _placed(layers[full], chain, held))
    return layers


def _held(module: nn.Module) -> dict[str, Shape]:
    """Returns the shapes of a module's own parameters and buffers, tied ones included."""
    own = {**module._parameters, **module._buffers}  # noqa: SLF001 - public iterators leave out ties
    return {name: tuple(value.shape) for name, value in own.items() if value is not None}


def _placed(layer: Layer, chain: Sequence[nn.Module], held: Mapping[str, Shape]) -> Layer:
    owners = tuple(type(each).__name__ for each in chain)
    resets = tuple(_reset_of(each) for each in chain)
    return replace(layer, owners=owners, resets=resets, beside=held)


def _chains(module: nn.Module) -> Iterator[tuple[str, tuple[nn.Module, ...]]]:
    """Yields every module's path with all that hold it, outermost first."""
    chains: dict[str, tuple[nn.Module, ...]] = {}
    for path, owner in module.named_modules():
        chains[path] = (*chains.get(path.rpartition(".")[0], ()), owner)
        yield path, chains[path]


def _reset_of(module: nn.Module) -> str:
    """Returns the class of torch.nn whose reset a module runs; empty if it has its own or none."""
    for kind in type(module).__mro__:
        if any(name in vars(kind) for name in _RESETS):
            return kind.__name__ if kind.__module__.startswith(_LIBRARIES[0]) else ""
    return ""


def _told(owner: nn.Module, layer: Layer) -> Layer:
    if layer.parameter in owner._buffers:  # noqa: SLF001 - the public iterator drops duplicates
        return replace(layer, role=Role.OTHER)
    for kind in type(owner).__mro__:
        if kind.__name__ in _TYPES and kind.__module__.startswith(_LIBRARIES):
            return _TYPES[kind.__name__](owner, layer)
    if type(owner).__name__.endswith("Experts"):
        return _expert(owner, layer)
    return _normalisation(owner, layer)


def _linear(_: Any, layer: Layer) -> Layer:  # noqa: ANN401 - each knows its own module's type
    """Keeps what the name tells of fused projections."""
    is_fused = layer.layout is not None and layer.layout.kind == "linear"
    return _affine(layer, layer.layout if is_fused else Layout("linear"))


def _in_out(owner: Any, layer: Layer) -> Layer:  # noqa: ANN401 - transformers' Conv1D
    is_fused = "c_attn" in layer.name.split(".")
    return _affine(layer, Layout("in_out", parts=owner.nf // owner.nx if is_fused else 1))


def _conv(owner: Any, layer: Layer) -> Layer:  # noqa: ANN401 - a convolution
    return _affine(layer, Layout("conv", groups=owner.groups))


def _conv_transpose(owner: Any, layer: Layer) -> Layer:  # noqa: ANN401 - likewise
    layout = Layout("conv_transpose", groups=owner.groups, stride=tuple(owner.stride))
    return _affine(layer, layout)


def _embedding(owner: Any, layer: Layer) -> Layer:  # noqa: ANN401 - an embedding, or a bag
    return replace(_affine(layer, Layout("embedding")), padding=owner.padding_idx)


def _recurrent(owner: Any, layer: Layer) -> Layer:  # noqa: ANN401 - a layer or cell
    is_projection = layer.parameter.startswith("weight_hr")
    parts = 1 if is_projection else layer.shape[0] // owner.hidden_size
    return _affine(layer, Layout("linear", parts=parts))


def _attention(_: Any, layer: Layer) -> Layer:  # noqa: ANN401 - torch's
    parts = 3 if layer.parameter == "in_proj_weight" else 1
    return _affine(layer, Layout("linear", parts=parts))


def _bilinear(_: Any, layer: Layer) -> Layer:  # noqa: ANN401 - torch's
    """Leaves the layout open: a product of two inputs has no fans of its own."""
    return _affine(layer, None)


def _slope(_: Any, layer: Layer) -> Layer:  # noqa: ANN401 - PReLU
    return replace(layer, role=Role.OTHER, layout=None)


def _affine(layer: Layer, layout: Layout | None) -> Layer:
    if "weight" in layer.parameter:
        return replace(layer, role=Role.WEIGHT, layout=layout)
    is_vector = len(layer.shape) == 1
    role = Role.BIAS if is_vector else Role.OTHER
    # A bias has the fans of its weight.
    return replace(layer, role=role, layout=layout if is_vector else None)


def _expert(owner: nn.Module, layer: Layer) -> Layer:
    """Experts are stacked along the first axis, their biases too."""
    if "bias" in layer.parameter:
        return replace(layer, role=Role.BIAS, layout=None)
    transposed = getattr(owner, "is_transposed", are_transposed(layer.beside))
    parts = layer.layout.parts if layer.layout else 1
    layout = Layout("in_out" if transposed else "linear", parts=parts, stacked=True)
    return replace(layer, layout=layout) if layout.fits(layer.shape) else layer


def _normalisation(owner: nn.Module, layer: Layer) -> Layer:
    """A norm of torch's may have any shape; what is called a norm elsewhere has vectors."""
    is_called_norm = "norm" in type(owner).__name__.lower() and len(layer.shape) <= 1
    if not is_called_norm and _reset_of(owner) not in _NORMS:
        return layer
    return replace(layer, role=_NORM_ROLES.get(layer.parameter, layer.role), layout=None)


_TYPES: Mapping[str, Callable[[Any, Layer], Layer]] = {
    "Linear": _linear,
    "Conv1D": _in_out,
    "_ConvTransposeNd": _conv_transpose,
    "_ConvNd": _conv,
    "Embedding": _embedding,
    "EmbeddingBag": _embedding,
    "RNNBase": _recurrent,
    "RNNCellBase": _recurrent,
    "MultiheadAttention": _attention,
    "Bilinear": _bilinear,
    "PReLU": _slope,
}
