"""The gain of a nonlinearity: torch's, or that which keeps the second moment of signals.

Sources: https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain, whose values
partly are conventions (5/3 for tanh, 3/4 for selu); He et al. 2015, arXiv:1502.01852, for
E[φ(z)²]^(−1/2), z ~ N(0, 1), with which it agrees on relu and leaky_relu.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, get_args

from initcli.schemes.activation import find_activation
from initcli.schemes.propagation import propagation

TorchNonlinearity = Literal[
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "selu",
]
Nonlinearity = Literal[
    TorchNonlinearity,
    "elu",
    "gelu",
    "gelu_tanh",
    "silu",
    "mish",
    "hardswish",
    "hardtanh",
    "softsign",
    "softplus",
    "relu2",
    "squared_relu",
    "sin",
]
Gain = Annotated[float, "a number, or the name of a nonlinearity"]
NONLINEARITIES: tuple[str, ...] = get_args(TorchNonlinearity)
NAMES: tuple[str, ...] = get_args(Nonlinearity)


class NamedGain(float):
    """A gain that remembers the nonlinearity it was given as."""

    nonlinearity: str

    @classmethod
    def of(cls, name: str) -> NamedGain:
        """Returns the gain of a nonlinearity, as `gain_of` does."""
        gain = cls(gain_of(name))
        gain.nonlinearity = name
        return gain


_TORCH = dict.fromkeys(NONLINEARITIES, 1.0) | {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def gain_of(name: str, negative_slope: float = 0.01) -> float:
    """Returns torch's gain for a name torch has, and the second-moment gain for any other.

    Args:
        name: The nonlinearity.
        negative_slope: Of leaky_relu; the others have none.

    Raises:
        OptionError: No nonlinearity has that name.
    """
    known = torch_gain(name, negative_slope)
    return second_moment_gain(name, negative_slope) if known is None else known


def torch_gain(name: str, negative_slope: float = 0.01) -> float | None:
    """Returns what torch.nn.init.calculate_gain does, bit for bit; None where it raises."""
    if name == "leaky_relu":
        return math.sqrt(2 / (1 + negative_slope**2))
    return _TORCH.get(name)


def second_moment_gain(name: str, negative_slope: float = 0.01) -> float:
    """Returns E[φ(z)²]^(−1/2), z ~ N(0, 1), also where torch has another gain.

    Raises:
        OptionError: No nonlinearity has that name.
    """
    return propagation(name, negative_slope).gain


def warning_of(name: str) -> str:
    """Says in one line that variances leave the fixed point at the gain; empty if they do not.

    Raises:
        OptionError: No nonlinearity has that name.
    """
    found = propagation(name)
    if found.fixed_point != "unstable":
        return ""
    return (
        f"{find_activation(name).name}: its variance map is unstable at this gain "
        f"(slope {found.slope:.3g} > 1): with depth, signals die or explode"
    )
