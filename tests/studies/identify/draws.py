"""Continuous schemes, drawn by the library that defines each, beside the law they should follow.

Laws are written down here from the libraries' documentation, so that those of the catalogue are
held against them too; only what initcli itself draws has its law from there.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch.nn import init

from initcli.recipes.variables import of_config
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.schemes.layer import Layer
from initcli.schemes.spec import parse_scheme

from .asking import CONFIG

Shape = tuple[int, ...]
Values = np.ndarray | torch.Tensor
# Half the width that a normal law loses if it is cut off at ±2σ.
CUT = 0.87962566103423978
BLOCK = 3


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way to draw, and what it draws.

    Attributes:
        name: With the library's name ahead.
        draw: From a shape (units first), a seed and a dtype that torch may draw in itself.
        law: Of a shape.
        in_short: Whether torch can draw it in 16 bits.
    """

    name: str
    draw: Callable[[Shape, int, torch.dtype], Values]
    law: Callable[[Shape], Law]
    in_short: bool = False


def fans(shape: Shape) -> tuple[int, int]:
    """Returns fan_in and fan_out, counted from a shape alone."""
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def centred(bound: float) -> Law:
    return laws.uniform(-bound, bound)


def cut(std: float, reach: float = 2.0) -> Law:
    return laws.truncated_normal(0.0, std, -reach * std, reach * std)


def _of_fans(
    make: Callable[[float], Law], scale: Callable[[int, int], float]
) -> Callable[[Shape], Law]:
    return lambda shape: make(scale(*fans(shape)))


def _normal(std: float) -> Law:
    return laws.normal(0.0, std)


def _torch(name: str, law: Callable[[Shape], Law], function: str = "", **options: object) -> Scheme:
    def draw(shape: Shape, seed: int, dtype: torch.dtype) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        fill = getattr(init, f"{function or name}_")
        return fill(torch.empty(shape, dtype=dtype), generator=generator, **options)

    return Scheme(f"torch {name}", draw, law, in_short=True)


def of_torch() -> Iterator[Scheme]:
    uniform, normal = partial(_of_fans, centred), partial(_of_fans, _normal)
    yield _torch("Linear", uniform(lambda i, _: i**-0.5), "kaiming_uniform", a=math.sqrt(5))
    yield _torch("xavier_uniform", uniform(lambda i, o: (6 / (i + o)) ** 0.5))
    yield _torch("xavier_normal", normal(lambda i, o: (2 / (i + o)) ** 0.5))
    yield _torch("kaiming_uniform", uniform(lambda i, _: (6 / i) ** 0.5))
    yield _torch("kaiming_normal", normal(lambda i, _: (2 / i) ** 0.5))
    yield _torch(
        "kaiming_normal fan_out",
        normal(lambda _, o: (2 / o) ** 0.5),
        "kaiming_normal",
        mode="fan_out",
    )
    yield _torch(
        "kaiming_normal linear",
        normal(lambda i, _: i**-0.5),
        "kaiming_normal",
        nonlinearity="linear",
    )
    yield _torch(
        "xavier_uniform tanh",
        uniform(lambda i, o: 5 / 3 * (6 / (i + o)) ** 0.5),
        "xavier_uniform",
        gain=5 / 3,
    )
    for std in (0.02, 0.01, 1.0):
        yield _torch(f"normal {std:g}", lambda _, std=std: _normal(std), "normal", std=std)
    for bound in (0.05, 0.1):
        options = {"a": -bound, "b": bound}
        yield _torch(
            f"uniform {bound:g}", lambda _, bound=bound: centred(bound), "uniform", **options
        )
    for reach in (2, 3):
        options = {"std": 0.02, "a": -0.02 * reach, "b": 0.02 * reach}
        yield _torch(
            f"trunc_normal ±{reach}σ",
            lambda _, reach=reach: cut(0.02, reach),
            "trunc_normal",
            **options,
        )


def inputs_last(values: np.ndarray) -> np.ndarray:
    """Returns values that lie as (taps, inputs, outputs) as torch has them."""
    return np.ascontiguousarray(np.moveaxis(values, (-1, -2), (0, 1)))


def inputs_first(shape: Shape) -> Shape:
    return (*shape[2:], shape[1], shape[0])


def of_jax() -> Iterator[Scheme]:
    import jax
    from jax.nn import initializers

    def scheme(name: str, fill: Callable[..., object], law: Callable[[Shape], Law]) -> Scheme:
        def draw(shape: Shape, seed: int, dtype: torch.dtype) -> np.ndarray:  # noqa: ARG001
            return inputs_last(np.asarray(fill(jax.random.key(seed), inputs_first(shape))))

        return Scheme(f"jax {name}", draw, law)

    for name, share in (
        ("lecun", lambda i, _: 1 / i),
        ("he", lambda i, _: 2 / i),
        ("glorot", lambda i, o: 2 / (i + o)),
    ):
        for family, make in (
            ("normal", lambda std: cut(std / CUT)),
            ("uniform", lambda std: centred(3**0.5 * std)),
        ):
            fill = getattr(initializers, f"{name}_{family}")()
            yield scheme(
                f"{name}_{family}",
                fill,
                _of_fans(make, lambda i, o, share=share: share(i, o) ** 0.5),
            )
    yield scheme("uniform 0.01", initializers.uniform(0.01), lambda _: laws.uniform(0.0, 0.01))
    yield scheme("truncated_normal 0.02", initializers.truncated_normal(0.02), lambda _: cut(0.02))


def of_keras() -> Iterator[Scheme]:
    # There four in a million of its truncated values are not: a law as it is meant is to be found.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    from keras import initializers

    def scheme(name: str, law: Callable[[Shape], Law], **options: object) -> Scheme:
        def draw(shape: Shape, seed: int, dtype: torch.dtype) -> np.ndarray:  # noqa: ARG001
            filled = getattr(initializers, name)(seed=seed, **options)(inputs_first(shape))
            return inputs_last(np.asarray(filled.detach() if hasattr(filled, "detach") else filled))

        return Scheme(f"keras {name}", draw, law)

    yield scheme("GlorotUniform", _of_fans(centred, lambda i, o: (6 / (i + o)) ** 0.5))
    yield scheme("HeNormal", _of_fans(cut, lambda i, _: (2 / i) ** 0.5 / CUT))
    yield scheme("RandomNormal", lambda _: _normal(0.05))
    yield scheme("TruncatedNormal", lambda _: cut(0.05))
    yield scheme("RandomUniform", lambda _: centred(0.05))


OURS = (
    "siren",
    "siren(first=true)",
    "lora_gaussian",
    "normal(0, 1/fan_in)",
    "small_init",
    "wang_init",
    "deepnorm",
    "t_fixup",
    "scaled_normal",
    "depth_scaled_normal",
    "hf_lecun_normal",
    "variance_scaling(scale=2, mode=fan_out)",
    "xavier_uniform(gain=1/sqrt(2))",
)


def of_initcli() -> Iterator[Scheme]:
    variables = {**of_config(CONFIG), "layer": BLOCK}

    def scheme(text: str) -> Scheme:
        spec = parse_scheme(text)

        def draw(shape: Shape, seed: int, dtype: torch.dtype) -> torch.Tensor:  # noqa: ARG001
            values = torch.empty(math.prod(shape))
            spec.draw(Layer(shape), variables).fill(values, torch.Generator().manual_seed(seed))
            return values.view(shape)

        return Scheme(text, draw, lambda shape: spec.draw(Layer(shape), variables).law)

    yield from map(scheme, OURS)


@functools.cache
def schemes(*, in_short: bool) -> tuple[Scheme, ...]:
    """Returns all of them, or those that are drawn in 16 bits too."""
    every = (*of_torch(), *of_jax(), *of_keras(), *of_initcli())
    return tuple(each for each in every if each.in_short or not in_short)
