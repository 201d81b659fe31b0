"""The faults planted in a trained network, each in a matrix of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from training import State, draw_default, generator


class Fault(NamedTuple):
    """A fault to plant in a trained matrix.

    Attributes:
        tensor: Name of the matrix.
        description: What the checkpoint's metadata says about it.
        plant: Changes that entry of the state in place.
    """

    tensor: str
    description: str
    plant: Callable[[State, str], None]


def plant_nan(state: State, name: str) -> None:
    """Replaces one element by NaN."""
    state[name][3, 5] = np.nan


def plant_inf(state: State, name: str) -> None:
    """Replaces one element by +Inf."""
    state[name][7, 2] = np.inf


def zero(state: State, name: str) -> None:
    """Sets every element to zero."""
    state[name][:] = 0


def kill_rows(state: State, name: str) -> None:
    """Sets ten rows, hence the weights of ten units, to zero."""
    state[name][20:30] = 0


def flatten(state: State, name: str) -> None:
    """Sets every element to 0.01."""
    state[name][:] = 0.01


def enlarge(state: State, name: str) -> None:
    """Multiplies every element by 100."""
    state[name] *= 100


def duplicate(state: State, name: str) -> None:
    """Copies the matrix of the first hidden layer."""
    state[name][:] = state["layers.0.weight"]


def reset(state: State, name: str) -> None:
    """Puts the matrix back at its random initialisation, and leaves the bias trained."""
    shape = state[name].shape
    state[name][:] = draw_default(generator(3), shape, fan_in=shape[1])


FAULTS = (
    Fault("layers.1.weight", "one NaN, at row 3, column 5", plant_nan),
    Fault("layers.2.weight", "one +Inf, at row 7, column 2", plant_inf),
    Fault("layers.3.weight", "all zeros", zero),
    Fault("layers.4.weight", "10 dead rows, 20 to 29, all zeros", kill_rows),
    Fault("layers.5.weight", "constant, all 0.01", flatten),
    Fault("layers.6.weight", "multiplied by 100", enlarge),
    Fault("layers.7.weight", "duplicate of layers.0.weight", duplicate),
    Fault("layers.8.weight", "back at its random initialisation", reset),
)
