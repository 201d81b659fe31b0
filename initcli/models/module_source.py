"""A module as a source: its state dict's names, its ties, and what each tensor is."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from initcli.core.dtypes import DTYPES, DType
from initcli.core.errors import FactoryError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.models.module_layers import module_layers
from initcli.models.torch_bytes import chunks_of
from initcli.schemes.layer import Layer

if TYPE_CHECKING:
    import torch
    from torch import nn

_DTYPE_OF = {
    dtype.torch: dtype for dtype in DTYPES.values() if dtype.is_decoded and not dtype.is_packed
}


# A module is made beside what tells whether it was.
_COPIES = 2
_FLOAT = 4


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """A built module, whose own initialisation stays where nothing is drawn.

    Attributes:
        values: What the module holds, by name; on the meta device, shapes alone.
        saved: Names and shapes that its library stores it by; None if they are its own.
        remade: Gives the values of a tensor that has none, by its name; None if nothing can.
    """

    name: str
    specs: Mapping[str, TensorSpec]
    layers: Mapping[str, Layer]
    ties: Mapping[str, str]
    names: Sequence[str]
    values: Mapping[str, torch.Tensor]
    kept: str = "kept"
    metadata: Mapping[str, str] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    remade: Callable[[str], torch.Tensor] | None = None
    saved: Callable[[], Mapping[str, TensorSpec]] | None = None

    def has_values(self, names: Iterable[str]) -> bool:
        """Whether it was built with values for these, or can make them."""
        return self.remade is not None or not any(self.values[name].is_meta for name in names)

    def held(self, name: str) -> int:
        """Returns the bytes that handing a tensor's values over takes: its module's, made again."""
        if self.remade is None or not self.values[name].is_meta:
            return 0
        beside = self.layers[name].beside.values()
        return _COPIES * _FLOAT * sum(math.prod(shape) for shape in beside)

    def chunks(self, name: str) -> Iterator[memoryview]:
        """Yields the bytes of what the factory gave a tensor, cast to the output's dtype.

        Raises:
            FactoryError: The factory gave it none.
        """
        value = self.values[name]
        if value.is_meta and self.remade is not None:
            value = self.remade(name)
        if value.is_meta:
            message = "the factory built it on the meta device, without values to keep"
            raise FactoryError(message, where=visible(name, 200), hint="draw it with a scheme")
        yield from chunks_of(value, self.specs[name].dtype)


def module_source(name: str, module: nn.Module, dtype: DType | None) -> ModuleSource:
    """Describes a module.

    Of tied tensors the first name in the module's order is stored; the others are declared in
    the metadata, as `safetensors.torch.save_model` does and `load_model` understands.

    Args:
        name: The source as the user named it.
        module: Built on any device.
        dtype: What floating-point tensors are stored in; None for their own.

    Raises:
        FactoryError: The state dict holds something that is no tensor safetensors can store.
    """
    values: dict[str, torch.Tensor] = {}
    ties: dict[str, str] = {}
    names: list[str] = []
    first_name: dict[Hashable, str] = {}
    for key, value in _storable_state(module):
        names.append(key)
        stored = first_name.setdefault(_place(value), key)
        if stored == key:
            values[key] = value
        else:
            ties[key] = stored
    specs = {key: _spec(key, value, dtype) for key, value in values.items()}
    layers = module_layers(module, specs)
    metadata = {"format": "pt", **ties}
    return ModuleSource(name, specs, layers, ties, names, values, metadata=metadata)


def _storable_state(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in module.state_dict(keep_vars=True).items():
        if flaw := _flaw(name, value):
            raise FactoryError(f"safetensors cannot store {flaw}", where=visible(name, 200))
        yield name, value


def _flaw(name: str, value: object) -> str:
    import torch

    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    if torch.nn.parameter.is_lazy(value):
        return "a lazy parameter, which has no shape before its first use"
    if value.layout is not torch.strided:
        return str(value.layout)
    if name == "__metadata__" or name != name.encode("utf-8", "replace").decode():
        return "a tensor of this name"
    return "" if _own_dtype(value) else str(value.dtype)


def _own_dtype(value: torch.Tensor) -> DType | None:
    return _DTYPE_OF.get(str(value.dtype).removeprefix("torch."))


def _place(value: torch.Tensor) -> Hashable:
    """Tells tied tensors by where their values lie; two parameters may share one storage."""
    storage = id(value.untyped_storage())
    return storage, value.storage_offset(), value.shape, value.stride(), value.dtype


def _spec(name: str, value: torch.Tensor, wanted: DType | None) -> TensorSpec:
    own = _DTYPE_OF[str(value.dtype).removeprefix("torch.")]
    dtype = wanted if wanted is not None and own.is_float else own
    return TensorSpec(name, dtype, tuple(value.shape))
