"""What a scheme may know of the tensor it draws, and of the layer that the tensor belongs to."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from initcli.core.tensor import Shape
from initcli.schemes.layout import (
    Fans,
    Layout,
    UnfitError,
    require_dimensions,
    shape_alone,
    torch_fans,
)

__all__ = ["Convention", "Fans", "Layer", "Layout", "Role", "UnfitError"]

Convention = Literal["torch", "layer"]


class Role(enum.Enum):
    """What a tensor is to its layer."""

    WEIGHT = "weight"
    BIAS = "bias"
    NORMALISATION_WEIGHT = "normalisation weight"
    NORMALISATION_BIAS = "normalisation bias"
    OTHER = "neither weight nor bias"


@dataclass(frozen=True, slots=True)
class Layer:
    """The tensor of a layer that a scheme draws.

    Attributes:
        shape: Its shape.
        name: Its fully qualified name.
        role: What it is to its layer.
        layout: How units lie in it; None where only the shape is known.
        owners: The class names of the modules that hold it, outermost first; empty where
            no module is at hand.
        resets: For each owner, the class of `torch.nn` whose `reset_parameters` it runs; empty
            where it has one of its own, or none.
        beside: The shapes of all that the layer holds, by the last part of their names.
        padding: The row of an embedding that stands for nothing; None if none does.
    """

    shape: Shape
    name: str = ""
    role: Role = Role.WEIGHT
    layout: Layout | None = None
    owners: tuple[str, ...] = ()
    resets: tuple[str, ...] = ()
    beside: Mapping[str, Shape] = field(default_factory=dict)
    padding: int | None = None

    @property
    def module(self) -> str:
        """The class name of the module that holds it; empty if unknown."""
        return self.owners[-1] if self.owners else ""

    @property
    def parameter(self) -> str:
        """The last part of its name, such as `weight_ih_l0`."""
        return self.name.rpartition(".")[2]

    @property
    def weight(self) -> Layer:
        """The weight whose units it shifts, where it is a bias beside one; else itself."""
        shape = self.beside.get(self.parameter.replace("bias", "weight"), ())
        if len(self.shape) != 1 or "bias" not in self.parameter or len(shape) < 2:  # noqa: PLR2004 - a matrix has fans
            return self
        return replace(self, shape=shape, role=Role.WEIGHT)

    def fans(self, convention: Convention) -> Fans:
        """Returns the fans as `torch` counts them from the shape, or as the `layer` has them.

        Raises:
            UnfitError: It has none.
        """
        if convention == "torch":
            return torch_fans(self.shape)
        self.require(least=2)
        return (self.layout or shape_alone(self.shape)).fans(self.shape)

    def require(self, *, least: int, most: int | None = None) -> None:
        """Checks the number of dimensions.

        Raises:
            UnfitError: There are fewer than `least` or more than `most`.
        """
        require_dimensions(self.shape, least=least, most=most)
