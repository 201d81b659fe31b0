"""The gain of a nonlinearity, as torch.nn.init.calculate_gain defines it.

Source: https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, get_args

Nonlinearity = Literal[
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
Gain = Annotated[float, "a number, or the name of a nonlinearity"]
NONLINEARITIES: tuple[str, ...] = get_args(Nonlinearity)

_GAINS = {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, negative_slope: float = 0.01) -> float:
    """Returns the gain; only leaky_relu uses the slope, and everything linear has gain 1."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + negative_slope**2))
    return _GAINS.get(nonlinearity, 1.0)
