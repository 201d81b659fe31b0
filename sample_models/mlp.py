"""A ReLU multilayer perceptron for the 8x8 digits."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from torch import nn


def mlp(inputs: int = 64, hidden: tuple[int, ...] = (128, 64), classes: int = 10) -> nn.Module:
    """Builds the network, with layers named ``fc1``, ``fc2``, ... and ``head``.

    Args:
        inputs: Number of input features.
        hidden: Width of each hidden layer.
        classes: Number of output logits.

    Returns:
        A module that maps (N, inputs) to (N, classes).
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (fan_in, fan_out) in enumerate(pairwise((inputs, *hidden)), start=1):
        layers[f"fc{number}"] = nn.Linear(fan_in, fan_out)
        layers[f"relu{number}"] = nn.ReLU()
    layers["head"] = nn.Linear((inputs, *hidden)[-1], classes)
    return nn.Sequential(layers)
