"""Ways to fill a tensor that many schemes share.

Element-wise fills are called on consecutive blocks of a flat tensor. Those of torch draw from one
generator all along, and equal torch's draw of the whole: its normals come in groups of sixteen, to
which the blocks keep.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from initcli.schemes import gaussian
from initcli.schemes import law as laws
from initcli.schemes.layer import Convention, Layer
from initcli.schemes.registry import Draw, Fill, Grain

if TYPE_CHECKING:
    import torch

# Where less of the normal law lies within the bounds, drawing until a value does takes too long.
_LEAST_ACCEPTED = 0.2
_MATRIX = 2
_ASSUMED = (
    "taken for a convolution of one group, since a file does not say: --layout does, and the "
    "model itself (stats --model)"
)
# There is one global generator for all threads.
_globally = threading.Lock()


def uniform(low: float, high: float) -> Draw:
    """Draws U[low, high) as torch does."""

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        return tensor.uniform_(low, high, generator=generator)

    return Draw(laws.uniform(low, high), fill, Grain.STREAM)


def normal(mean: float, std: float) -> Draw:
    """Draws N(mean, std²) as torch does."""

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        return tensor.normal_(mean, std, generator=generator)

    return Draw(laws.normal(mean, std), fill, Grain.STREAM)


def constant(value: float) -> Draw:
    """Sets every value to one number."""

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        return tensor.fill_(value)

    return Draw(laws.constant(value), fill, Grain.BLOCK)


def truncated_normal(mean: float, std: float, low: float, high: float) -> Draw:
    """Draws N(mean, std²) given low ≤ x ≤ high; every block from a generator of its own.

    Normals outside the bounds are drawn again. Where few lie inside, as in a tail, the
    distribution function is inverted in float64 instead.
    """
    law = laws.truncated_normal(mean, std, low, high)
    ends = (low - mean) / std, (high - mean) / std
    draw = _reject if math.exp(gaussian.log_mass(*ends)) >= _LEAST_ACCEPTED else _invert

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        draw(tensor, generator, *ends)
        tensor.mul_(std).add_(mean)
        # Rounding may carry a value past the bound that it was drawn within.
        return tensor.clamp_(_within(low, math.inf), _within(high, -math.inf))

    return Draw(law, fill, Grain.BLOCK)


def _reject(tensor: torch.Tensor, generator: torch.Generator, low: float, high: float) -> None:
    import numpy as np
    import torch

    values = tensor.normal_(0, 1, generator=generator).numpy()
    outside = np.flatnonzero((values < low) | (values > high))
    while outside.size:
        again = torch.empty(outside.size).normal_(0, 1, generator=generator).numpy()
        values[outside] = again
        outside = outside[(again < low) | (again > high)]


def _invert(tensor: torch.Tensor, generator: torch.Generator, low: float, high: float) -> None:
    """Inverts the logarithm of the normal distribution function, on the side where it is small."""
    import numpy as np
    import torch
    from scipy.special import ndtri_exp

    side, below, above = gaussian.log_tails(low, high)
    share = torch.empty(tensor.shape, dtype=torch.float64).uniform_(generator=generator).numpy()
    with np.errstate(divide="ignore"):
        log = above + np.log(share + (1 - share) * np.exp(below - above))
    tensor.copy_(torch.from_numpy(side * ndtri_exp(log)))


def _within(bound: float, inwards: float) -> float:
    """Returns the float32 number next to a bound, on the side that `inwards` points to."""
    import numpy as np

    with np.errstate(over="ignore"):
        nearest = np.float32(bound)
    # In Python's floats: NumPy would round the bound to float32 before it compares.
    is_beyond = float(nearest) < bound if inwards > 0 else float(nearest) > bound
    return float(np.nextafter(nearest, np.float32(inwards)) if is_beyond else nearest)


def of_torch(name: str, **parameters: object) -> Fill:
    """Returns the function of `torch.nn.init` of a name, looked up only when it draws."""

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        return getattr(torch.nn.init, name)(tensor, **parameters, generator=generator)

    return fill


def fixed_of_torch(name: str, **parameters: object) -> Fill:
    """Returns a function of `torch.nn.init` that draws nothing at random."""

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        return getattr(torch.nn.init, name)(tensor, **parameters)

    return fill


def seeded_globally(fill: Fill) -> Fill:
    """Lends a fill the generator's state as torch's global one, and takes it back.

    torch 2.13 chooses the zeros of `sparse_` from the global generator whatever generator it is
    given (pytorch PR 196941), which would make the same seed give other bytes.
    """

    def seeded(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        with global_generator():
            torch.random.set_rng_state(generator.get_state())
            return fill(tensor, torch.default_generator)

    return seeded


def remarked(draw: Draw, layer: Layer, convention: Convention) -> Draw:
    """Says where torch's count of fans is not the layer's, or where the layer's is assumed."""
    if layer.layout is None:
        is_assumed = convention == "layer" and len(layer.shape) > _MATRIX and not layer.owners
        return replace(draw, remark=_ASSUMED) if is_assumed else draw
    if convention != "torch":
        return draw
    counted, true = layer.fans("torch"), layer.fans("layer")
    if counted == true:
        return draw
    told = f"torch counts fans {counted.text}, a layer of {layer.layout.text} has {true.text}"
    return replace(draw, remark=f"{told}: fans=layer uses those")


@contextmanager
def global_generator() -> Iterator[None]:
    """Lends torch's global generator to one thread, and leaves it as it was."""
    import torch

    with _globally, torch.random.fork_rng(devices=[]):
        yield
