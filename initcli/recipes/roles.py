"""What a tensor is to its layer, as far as names and shapes tell."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping

from initcli.core.tensor import TensorSpec


class Role(enum.Enum):
    """What a tensor is to its layer."""

    WEIGHT = "weight"
    BIAS = "bias"
    NORMALISATION_WEIGHT = "normalisation weight"
    NORMALISATION_BIAS = "normalisation bias"
    OTHER = "neither weight nor bias"


_SHORT_NORMS = {"ln", "bn", "gn"}
_SCALES = {"weight", "gamma", "scale"}
_SHIFTS = {"beta"}
# What weight normalisation scales directions by, old spelling and new.
_MAGNITUDES = {"weight_g", "original0"}


def roles_of(specs: Mapping[str, TensorSpec]) -> dict[str, Role]:
    """Guesses every tensor's role where no module is at hand to ask.

    Floats of two or more dimensions are weights, unless they are called bias (attention masks
    and relative positions are). Vectors called bias are biases, except beside a vector called
    weight or inside a layer whose name speaks of a norm; such pairs belong to normalisations.
    Scalars, GPT-2's `masked_bias` among them, are neither.
    """
    return {name: _role(spec, specs) for name, spec in specs.items()}


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
