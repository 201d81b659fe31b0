"""How units, inputs and receptive field lie in a tensor, and the fans that follow.

Source: https://docs.pytorch.org/docs/stable/nn.html (layouts of weights); a transposed convolution
of stride s covers each output with k/s taps a dimension (Odena et al. 2016, Distill).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from initcli.core.tensor import Shape

Kind = Literal["linear", "in_out", "conv", "conv_transpose", "embedding"]
KINDS: tuple[str, ...] = get_args(Kind)
Mode = Literal["fan_in", "fan_out", "fan_avg"]


class UnfitError(ValueError):
    """A scheme has no meaning for a tensor; the message says why."""


def require_dimensions(shape: Shape, *, least: int, most: int | None = None) -> None:
    """Checks the number of dimensions.

    Raises:
        UnfitError: There are fewer than `least` or more than `most`.
    """
    count = len(shape)
    if count < least or (most is not None and count > most):
        wanted = f"at least {least}" if most is None else str(least)
        wanted = f"{least} to {most}" if most is not None and most > least else wanted
        noun = "dimension" if wanted in {"1", "at least 1"} else "dimensions"
        raise UnfitError(f"it needs {wanted} {noun}, this tensor has {count}")


@dataclass(frozen=True, slots=True)
class Fans:
    """Inputs and outputs of one unit, receptive field included."""

    fan_in: float
    fan_out: float

    @property
    def text(self) -> str:
        """Both, as a reader may compare them."""
        return f"{self.fan_in:g} → {self.fan_out:g}"

    def of(self, mode: Mode) -> float:
        """Returns the fan of a mode."""
        if mode == "fan_avg":
            return (self.fan_in + self.fan_out) / 2
        return self.fan_in if mode == "fan_in" else self.fan_out


@dataclass(frozen=True, slots=True)
class Layout:
    """Which axes of a tensor are what.

    Attributes:
        kind: `linear` (outputs, inputs), further axes counting with the inputs; `in_out`
            (inputs, outputs), as JAX and Hugging Face's Conv1D have it; `conv` (outputs,
            inputs/groups, field…); `conv_transpose` (inputs, outputs/groups, field…);
            `embedding` (entries, features), where one entry is looked up.
        groups: Groups of a convolution.
        stride: Of a transposed convolution, a dimension; one number stands for all.
        parts: Layers of equal size fused along the outputs, such as query, key and value.
        stacked: Whether the first axis counts layers of the same shape, such as experts.
    """

    kind: Kind
    groups: int = 1
    stride: tuple[int, ...] = (1,)
    parts: int = 1
    stacked: bool = False

    @property
    def text(self) -> str:
        """The layout as a user may write it."""
        shown = {
            "groups": self.groups,
            "stride": self.stride[0] if len(set(self.stride)) == 1 else math.prod(self.stride),
            "parts": self.parts,
            "stacked": int(self.stacked),
        }
        default = {"groups": 1, "stride": 1, "parts": 1, "stacked": 0}
        parts = ", ".join(f"{key}={each}" for key, each in shown.items() if each != default[key])
        return f"{self.kind}({parts})" if parts else self.kind

    def fans(self, shape: Shape) -> Fans:
        """Returns the fans of one unit of one of the layers that a tensor holds.

        Raises:
            UnfitError: The shape cannot be laid out like this.
        """
        shape = self._single(shape)
        field = math.prod(shape[2:])
        outputs, inputs = (shape[1], shape[0]) if self._is_swapped else (shape[0], shape[1])
        if self.kind == "embedding":
            return Fans(1, inputs)
        if self.kind == "conv_transpose":
            steps = self.stride if len(self.stride) > 1 else self.stride * len(shape[2:])
            return Fans(inputs / self.groups * field / math.prod(steps), outputs * field)
        reached = 1 if self.kind == "linear" else field
        return Fans(inputs * field, outputs / self.groups / self.parts * reached)

    def require(self, shape: Shape) -> None:
        """Checks that a shape can be laid out like this.

        Raises:
            UnfitError: It has too few dimensions, or does not divide.
        """
        least = 2 + self.stacked
        if len(shape) < least:
            raise UnfitError(f"{self.text} needs {least} dimensions, this tensor has {len(shape)}")
        if self.kind == "in_out" and len(shape) > least:
            raise UnfitError(f"{self.text} is of matrices, this tensor has {len(shape)} dimensions")
        outputs = shape[self.stacked + self._is_swapped]
        divisor = self.parts * (1 if self.kind == "conv_transpose" else self.groups)
        if outputs % divisor:
            raise UnfitError(f"{outputs} outputs do not divide into {divisor} of {self.text}")

    @property
    def holds_several(self) -> bool:
        """Whether a tensor holds more than one layer."""
        return self.stacked or self.parts > 1

    def matrices(self, shape: Shape) -> tuple[int, int]:
        """Returns rows and columns of each layer's matrix, which lie one behind the other.

        Raises:
            UnfitError: They do not: layers fused along the second axis are interleaved.
        """
        single = self._single(shape)
        if self.parts > 1 and self._is_swapped:
            raise UnfitError(f"the parts of {self.text} are interleaved")
        return single[0] // self.parts, math.prod(single[1:])

    def fits(self, shape: Shape) -> bool:
        """Whether a shape can be laid out like this."""
        try:
            self.require(shape)
        except UnfitError:
            return False
        return True

    @property
    def _is_swapped(self) -> bool:
        return self.kind in {"in_out", "conv_transpose"}

    def _single(self, shape: Shape) -> Shape:
        self.require(shape)
        return shape[self.stacked :]


def shape_alone(shape: Shape) -> Layout:
    """Returns the layout of which nothing but a shape is known."""
    return Layout("linear" if len(shape) <= 2 else "conv")  # noqa: PLR2004 - a matrix


def torch_fans(shape: Shape) -> Fans:
    """Returns fans as `torch.nn.init` counts them, from the shape: size(1)·field, size(0)·field.

    Raises:
        UnfitError: There are fewer than two dimensions.
    """
    require_dimensions(shape, least=2)
    field = math.prod(shape[2:])
    return Fans(shape[1] * field, shape[0] * field)
