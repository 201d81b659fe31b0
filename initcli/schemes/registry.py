"""The one table of schemes: command line, theory, documentation and tests read it."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, get_type_hints

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.schemes.arithmetic import Formula
from initcli.schemes.law import Law

if TYPE_CHECKING:
    import torch


FLOAT32_MAX = 3.4028234663852886e38


class Grain(enum.Enum):
    """What a fill must be given at once.

    Attributes:
        WHOLE: The whole tensor, in its shape.
        STREAM: Consecutive blocks of it, flat, all from one generator.
        BLOCK: Any block of it, flat, each from a generator of its own.
    """

    WHOLE = "whole"
    STREAM = "stream"
    BLOCK = "block"


class Fill(Protocol):
    """Fills a float32 tensor in place from a generator."""

    def __call__(self, tensor: torch.Tensor, generator: torch.Generator) -> object:
        """Draws."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What several tensors are drawn from together, each its own part.

    Attributes:
        key: What the generator is keyed with, in place of the tensor's name.
        parts: Which parts this one takes; no two tensors take the same.
        agreed: What it takes for granted, by what that is: others that do must take it alike.
    """

    key: str
    parts: frozenset[str]
    agreed: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Draw:
    """What a scheme does with one layer.

    Attributes:
        law: The law its values follow.
        fill: How to draw them.
        grain: What the fill must be given at once.
        held: Bytes a value that a whole fill holds beside the tensor.
        zeroed: First and count of consecutive values that are set to zero once they are drawn.
        remark: What a reader should know of this choice.
        shared: What it is drawn from together with other tensors; None if it stands alone.
    """

    law: Law
    fill: Fill
    grain: Grain = Grain.WHOLE
    held: int = 0
    zeroed: tuple[int, int] = (0, 0)
    remark: str = ""
    shared: Shared | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A scheme's parameter: its name, type, and default.

    The default is `inspect.Parameter.empty` if there is none, and a formula if it is worked out for
    every tensor.
    """

    name: str
    type: Any
    default: Any

    @property
    def is_required(self) -> bool:
        """Whether a user must give it."""
        return self.default is inspect.Parameter.empty

    @property
    def written(self) -> str:
        """The default as a user may write it."""
        return str(self.default).lower() if self.type is bool else str(self.default)


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way of drawing values.

    Attributes:
        name: As users write it.
        function: Layer and parameters to draw.
        formula: The distribution in one line.
        variance: The theoretical variance in one line.
        citation: Where it was defined.
        parameters: By name, in the function's order.
    """

    name: str
    function: Callable[..., Draw]
    formula: str
    variance: str
    citation: str
    parameters: dict[str, Parameter]

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n", 1)[0]

    @property
    def signature(self) -> str:
        """The name with its parameters and defaults, as a user may write it."""
        parts = [
            name if parameter.is_required else f"{name}={parameter.written}"
            for name, parameter in self.parameters.items()
        ]
        return f"{self.name}({', '.join(parts)})"


def per_tensor(formula: str) -> Any:  # noqa: ANN401 - it stands where a number is annotated
    """Makes a parameter's default a formula of what is known of the tensor, such as `n_layer`."""
    return Formula.parse(formula)


SCHEMES: dict[str, Scheme] = {}
_ALIASES: dict[str, str] = {}


def scheme(
    *, formula: str, variance: str, citation: str, aliases: tuple[str, ...] = ()
) -> Callable[[Callable[..., Draw]], Callable[..., Draw]]:
    """Registers a function as the scheme of its name.

    Args:
        formula: The distribution in one line.
        variance: The theoretical variance in one line.
        citation: Where it was defined.
        aliases: Other names of exactly the same distribution; torch's spelling with a trailing
            underscore is always one.
    """

    def register(function: Callable[..., Draw]) -> Callable[..., Draw]:
        name = function.__name__
        parameters = _parameters(function)
        SCHEMES[name] = Scheme(name, function, formula, variance, citation, parameters)
        for alias in (name, f"{name}_", *aliases):
            _ALIASES[alias] = name
        return function

    return register


def find_scheme(name: str) -> Scheme:
    """Returns the scheme of a name or alias.

    Raises:
        OptionError: No scheme has that name.
    """
    if name not in _ALIASES:
        hint = did_you_mean(name, SCHEMES) or "initcli schemes lists them all"
        raise OptionError(f"unknown scheme {name[:80]!r}", hint=hint)
    return SCHEMES[_ALIASES[name]]


def _parameters(function: Callable[..., Draw]) -> dict[str, Parameter]:
    hints = get_type_hints(function, include_extras=True)
    return {
        name: Parameter(name, hints[name], parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "layer"
    }
