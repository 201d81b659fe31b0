"""Gives a tensor of a model on the meta device the values that the model's own code gives it.

Only the module that holds the tensor is given memory. Its own reset runs, then what the model
does to each module that contains it, inside out, as transformers initialises a whole model; on
everything else, still on the meta device, the same calls do nothing.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from initcli.core.errors import FactoryError
from initcli.core.text import visible
from initcli.schemes.fills import global_generator

if TYPE_CHECKING:
    import torch
    from torch import nn

_HINT = "draw it with a scheme, or with a rule of a recipe"


def materialise(model: nn.Module, name: str, seed: int) -> torch.Tensor:
    """Returns the values of one parameter or buffer.

    The same seed gives the same values, whatever else is asked for and in which order; tensors
    of one module come from one run.

    Args:
        model: A model of transformers on the meta device; it is left as it was.
        name: The tensor's name in its state dict.
        seed: The run's seed.

    Raises:
        FactoryError: The model's code fails, or leaves the tensor without values.
    """
    import torch

    path, _, own = name.rpartition(".")
    with global_generator(), torch.no_grad(), _held(model.get_submodule(path)) as owner:
        torch.manual_seed(_seed_of(seed, path))
        _initialise(model, path, name)
        value: torch.Tensor = getattr(owner, own).detach()
    if _is_untouched(value):
        message = "the model's code gives it no values when it is built from a configuration"
        raise FactoryError(message, where=visible(name, 200), hint=_HINT)
    return value


@contextmanager
def _held(module: nn.Module) -> Iterator[nn.Module]:
    """Lends a module memory for its own tensors, filled with what no code would leave there."""
    # Nothing public puts the very same objects back.
    held: tuple[dict[str, Any], ...] = module._parameters, module._buffers  # noqa: SLF001
    before = [dict(each) for each in held]
    try:
        for each in held:
            each.update({name: _with_memory(value) for name, value in each.items()})
        yield module
    finally:
        for each, was in zip(held, before, strict=True):
            each.update(was)


def _with_memory(value: Any) -> Any:  # noqa: ANN401 - a parameter, a buffer or None
    """Keeps what models note on their tensors, such as that one is not to be drawn again."""
    import torch

    if value is None or not value.is_meta:
        return value if value is None else copy.deepcopy(value)
    plain = torch.full_like(value, _unset(value), device="cpu", requires_grad=False)
    is_parameter = isinstance(value, torch.nn.Parameter)
    held = torch.nn.Parameter(plain, requires_grad=False) if is_parameter else plain
    held.__dict__.update(vars(value))
    return held


def _initialise(model: nn.Module, path: str, name: str) -> None:
    chain = list(_chain(model, path))
    try:
        reset = getattr(chain[-1], "reset_parameters", None)
        if reset:
            reset()
        for position in reversed(range(len(chain))):
            initialiser = _initialiser(chain[: position + 1])
            initialiser._init_weights(chain[position])  # noqa: SLF001 - transformers' own contract
    except Exception as error:
        told = visible(f"{type(error).__name__}: {error}", 300)
        raise FactoryError(told, where=visible(name, 200), hint=_HINT) from error


def _chain(model: nn.Module, path: str) -> Iterator[nn.Module]:
    """Yields the modules that hold a path, outermost first."""
    yield model
    parts = path.split(".") if path else []
    for count in range(1, len(parts) + 1):
        yield model.get_submodule(".".join(parts[:count]))


def _initialiser(chain: list[nn.Module]) -> Any:  # noqa: ANN401 - a model of transformers
    """Returns the innermost model, whose code decides for a module inside it."""
    return next(module for module in reversed(chain) if hasattr(module, "_init_weights"))


def _unset(tensor: torch.Tensor) -> float | int | bool:
    import torch

    if tensor.dtype.is_floating_point or tensor.dtype.is_complex:
        return math.nan
    return tensor.dtype is torch.bool or torch.iinfo(tensor.dtype).min


def _is_untouched(tensor: torch.Tensor) -> bool:
    """Whether any value is still the one that stands for none; a flag cannot tell."""
    import torch

    if tensor.dtype is torch.bool:
        return True
    unset = _unset(tensor)
    return bool((tensor.isnan() if unset != unset else tensor == unset).any())  # noqa: PLR0124


def _seed_of(seed: int, path: str) -> int:
    key = f"{seed}:{path}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little", signed=True)
