"""What a scheme may know of the tensor it draws, and torch's way of counting fans."""

from __future__ import annotations

import math
from dataclasses import dataclass

from initcli.core.tensor import Shape


class UnfitError(ValueError):
    """A scheme has no meaning for a tensor; the message says why."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The tensor of a layer that a scheme draws."""

    shape: Shape

    @property
    def fan_in(self) -> int:
        """Inputs of one unit, receptive field included, as torch counts them: size(1)·field."""
        return self._fan(1)

    @property
    def fan_out(self) -> int:
        """Outputs of one unit, receptive field included, as torch counts them: size(0)·field."""
        return self._fan(0)

    def fan(self, mode: str) -> int:
        """Returns the fan of a mode, `fan_in` or `fan_out`."""
        return self.fan_in if mode == "fan_in" else self.fan_out

    def require(self, *, least: int, most: int | None = None) -> None:
        """Checks the number of dimensions.

        Raises:
            UnfitError: There are fewer than `least` or more than `most`.
        """
        count = len(self.shape)
        if count < least or (most is not None and count > most):
            wanted = f"at least {least}" if most is None else str(least)
            wanted = f"{least} to {most}" if most is not None and most > least else wanted
            noun = "dimension" if wanted in {"1", "at least 1"} else "dimensions"
            message = f"it needs {wanted} {noun}, this tensor has {count}"
            raise UnfitError(message)

    def _fan(self, axis: int) -> int:
        self.require(least=2)
        return self.shape[axis] * math.prod(self.shape[2:])
