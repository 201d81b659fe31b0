"""Trains ReLU networks on the 8x8 digits in NumPy, with the same result on every platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Array: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int64]
State: TypeAlias = dict[str, Array]

HELD_OUT = 360
EPOCHS = 60
BATCH = 32
RATE = 0.05
MOMENTUM = 0.9
DECAY = 2e-3


class Digits(NamedTuple):
    """Images (N, 64) with pixels in [0, 1], and their labels (N,)."""

    images: Array
    labels: Labels


def generator(seed: int) -> np.random.Generator:
    """Returns a seeded generator, of a kind named here as NumPy's default may change."""
    return np.random.Generator(np.random.PCG64(seed))


def digits() -> tuple[Digits, Digits]:
    """Returns the training set and the held-out set, split by a fixed shuffle."""
    images, labels = load_digits(return_X_y=True)
    order = generator(0).permutation(len(labels))
    images, labels = images[order] / 16, labels[order]
    held_out = Digits(images[:HELD_OUT], labels[:HELD_OUT])
    return Digits(images[HELD_OUT:], labels[HELD_OUT:]), held_out


def to_grid(weights: Array) -> Array:
    """Rounds to multiples of 2**-20, which float32 holds exactly below 16.

    BLAS builds sum in different orders, so a step differs in its last bits from one CPU to
    another. Rounding after every step erases the difference before the next step amplifies it.
    """
    rounded: Array = np.round(weights * 2**20) / 2**20
    return rounded


def draw_default(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> Array:
    """Draws from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), the default law of ``torch.nn.Linear``."""
    bound = 1 / np.sqrt(fan_in)
    return to_grid(rng.uniform(-bound, bound, shape))


def init_state(rng: np.random.Generator, layers: dict[str, tuple[int, int]]) -> State:
    """Initialises linear layers given as {name: (fan_out, fan_in)}, first to last."""
    state = {}
    for name, (fan_out, fan_in) in layers.items():
        state[f"{name}.weight"] = draw_default(rng, (fan_out, fan_in), fan_in)
        state[f"{name}.bias"] = draw_default(rng, (fan_out,), fan_in)
    return state


def layer_names(state: State) -> list[str]:
    """Returns the names of the layers, first to last."""
    return [key.removesuffix(".weight") for key in state if key.endswith(".weight")]


def has_skip(weight: Array) -> bool:
    """Tells whether a skip connection goes around the layer, as it does when it is square."""
    fan_out, fan_in = weight.shape
    return bool(fan_out == fan_in)


def forward(state: State, images: Array) -> tuple[list[Array], list[Array]]:
    """Runs the network on images (N, 64).

    Returns:
        The input (N, fan_in) of each layer, and its output (N, fan_out) before the ReLU; the
        last output is the logits (N, 10).
    """
    inputs, outputs = [images], []
    for name in layer_names(state):
        weight = state[f"{name}.weight"]
        outputs.append(inputs[-1] @ weight.T + state[f"{name}.bias"])
        hidden = np.maximum(outputs[-1], 0)
        inputs.append(inputs[-1] + hidden if has_skip(weight) else hidden)
    return inputs[:-1], outputs


def cross_entropy_gradient(logits: Array, labels: Labels) -> Array:
    """Returns the gradient (N, 10) of the mean cross entropy with respect to the logits."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return (probabilities - np.eye(logits.shape[1])[labels]) / len(labels)


def gradients(state: State, batch: Digits) -> State:
    """Returns the gradient of the mean cross entropy for every weight and bias."""
    inputs, outputs = forward(state, batch.images)
    upstream = cross_entropy_gradient(outputs[-1], batch.labels)
    # A gate is the slope of a ReLU; none follows the head.
    gates = [*(np.heaviside(output, 0) for output in outputs[:-1]), np.ones(1)]
    grads: State = {}
    for name, x, gate in zip(layer_names(state)[::-1], inputs[::-1], gates[::-1], strict=True):
        weight, delta = state[f"{name}.weight"], upstream * gate
        grads |= {f"{name}.weight": delta.T @ x, f"{name}.bias": delta.sum(axis=0)}
        upstream = delta @ weight + (upstream if has_skip(weight) else 0)
    return grads


def batches(data: Digits, rng: np.random.Generator) -> Iterator[Digits]:
    """Yields shuffled mini-batches, without the incomplete last one of each epoch."""
    for _ in range(EPOCHS):
        order = rng.permutation(len(data.labels))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            yield Digits(data.images[rows], data.labels[rows])


def train(state: State, data: Digits, rng: np.random.Generator) -> State:
    """Runs SGD with momentum, weight decay and a learning rate that falls linearly to zero.

    Adam would not do: it divides gradients that are mere rounding noise by their own size.

    Args:
        state: Initial weights (fan_out, fan_in) and biases (fan_out,), first layer to last.
        data: The training set.
        rng: Shuffles the mini-batches.

    Returns:
        The trained weights and biases, under the same names.
    """
    state = dict(state)
    velocity = {key: np.zeros_like(value) for key, value in state.items()}
    steps = EPOCHS * (len(data.labels) // BATCH)
    for step, batch in enumerate(batches(data, rng)):
        rate = RATE * (1 - step / steps)
        for key, gradient in gradients(state, batch).items():
            velocity[key] = MOMENTUM * velocity[key] + gradient + DECAY * state[key]
            state[key] = to_grid(state[key] - rate * velocity[key])
    return state


def accuracy(state: State, data: Digits) -> float:
    """Returns the fraction of the images that the network classifies correctly."""
    _, outputs = forward(state, data.images)
    return float((outputs[-1].argmax(axis=1) == data.labels).mean())
