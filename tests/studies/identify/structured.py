"""Whether tensors that are the same in every draw, or owe values to their places, are found so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import init

from initcli.schemes.layer import Layer
from initcli.schemes.spec import parse_scheme
from initcli.theory.identify.identity import Kind

from .asking import DTYPES, identities, stored
from .draws import BLOCK, Shape, inputs_first, inputs_last
from .tables import Table, percent

MATRICES: tuple[Shape, ...] = ((48, 48), (96, 40), (40, 96), (512, 128))
KERNELS: tuple[Shape, ...] = ((16, 16, 3, 3), (32, 8, 5, 5))
Draw = Callable[[Shape, int], np.ndarray | torch.Tensor]


@dataclass(frozen=True, slots=True)
class Structure:
    """A structured scheme.

    Attributes:
        name: With the library's name ahead.
        draw: From a shape and a seed.
        found: How what is found begins.
        shapes: What it is for.
        codes: Dtypes that leave enough of it to be told.
    """

    name: str
    draw: Draw
    found: str
    shapes: tuple[Shape, ...] = MATRICES
    codes: tuple[str, ...] = tuple(DTYPES)


SIXTEEN = ("F32", "BF16", "F16")


def _torch(fill: Callable[..., torch.Tensor], **options: object) -> Draw:
    def draw(shape: Shape, seed: int) -> torch.Tensor:
        torch.manual_seed(seed)  # sparse_ heeds no other generator
        return fill(torch.empty(shape), **options)

    return draw


def _jax(name: str) -> Draw:
    def draw(shape: Shape, seed: int) -> np.ndarray:
        import jax

        fill = getattr(jax.nn.initializers, name)()
        return inputs_last(np.asarray(fill(jax.random.key(seed), inputs_first(shape))))

    return draw


def _ours(text: str) -> Draw:
    spec = parse_scheme(text)

    def draw(shape: Shape, seed: int) -> torch.Tensor:
        values = torch.empty(shape)
        spec.draw(Layer(shape), {}).fill(values, torch.Generator().manual_seed(seed))
        return values

    return draw


def _mamba(shape: Shape, seed: int) -> torch.Tensor:  # noqa: ARG001 - there is no chance in it
    return torch.log(torch.arange(1, shape[1] + 1).float()).repeat(shape[0], 1)


def _whisper(shape: Shape, seed: int) -> torch.Tensor:  # noqa: ARG001 - there is no chance in it
    from transformers.models.whisper.modeling_whisper import sinusoids

    return sinusoids(*shape)


def structures() -> Iterator[Structure]:
    """Yields all of them."""
    yield Structure("torch constant_(0.3)", _torch(init.constant_, val=0.3), "constant(")
    yield Structure("torch zeros_", _torch(init.zeros_), "zeros")
    yield Structure("torch ones_", _torch(init.ones_), "ones")
    yield Structure("torch eye_", _torch(init.eye_), "eye")
    yield Structure("torch dirac_", _torch(init.dirac_), "dirac", KERNELS)
    yield Structure(
        "torch dirac_(groups=2)", _torch(init.dirac_, groups=2), "dirac(groups=2)", KERNELS
    )
    yield Structure("torch orthogonal_", _torch(init.orthogonal_), "orthogonal", MATRICES, SIXTEEN)
    yield Structure(
        "torch orthogonal_(√2)",
        _torch(init.orthogonal_, gain=math.sqrt(2)),
        "orthogonal(1.414",
        MATRICES,
        SIXTEEN,
    )
    yield Structure(
        "torch orthogonal_, kernels", _torch(init.orthogonal_), "orthogonal", KERNELS, SIXTEEN
    )
    yield Structure("jax orthogonal", _jax("orthogonal"), "orthogonal", MATRICES, SIXTEEN)
    yield Structure(
        "jax delta_orthogonal",
        _jax("delta_orthogonal"),
        "delta_orthogonal",
        ((16, 16, 3, 3), (32, 8, 3, 3)),
        SIXTEEN,
    )
    yield Structure(
        "torch sparse_(0.1)", _torch(init.sparse_, sparsity=0.1), "sparse(", MATRICES, SIXTEEN
    )
    yield Structure(
        "torch sparse_(0.9)", _torch(init.sparse_, sparsity=0.9), "sparse(", MATRICES, SIXTEEN
    )
    yield Structure(
        "initcli zero_hadamard", _ours("zero_hadamard"), "zero_hadamard", ((96, 40), (512, 128))
    )
    yield Structure("initcli idinit", _ours("idinit"), "idinit", ((96, 40), (40, 96)))
    yield Structure("mamba A_log", _mamba, "mamba_a_log", ((96, 16), (256, 16)))
    yield Structure("whisper sinusoids", _whisper, "sinusoid", ((40, 96), (512, 128)))


@dataclass(slots=True)
class Found:
    """How many tensors were found to be what they are, and what became of the others."""

    count: int = 0
    right: int = 0
    others: dict[str, int] = field(default_factory=dict)


def found(folder: Path, count: int) -> dict[tuple[str, str], Found]:
    """Draws every structure so many times in every shape and dtype; by name and dtype."""
    result: dict[tuple[str, str], Found] = {}
    for number, each in enumerate(structures()):
        for code in each.codes:
            drawn = {
                f"h.{BLOCK}.s{number}_{'x'.join(map(str, shape))}_{seed}s.weight": stored(
                    each.draw(shape, seed), code
                )
                for shape in each.shapes
                for seed in range(count)
            }
            one = result.setdefault((each.name, code), Found())
            for identity in identities(drawn, folder / "structured.safetensors").values():
                one.count += 1
                is_right = identity.kind is Kind.STRUCTURED and identity.structure.startswith(
                    each.found
                )
                one.right += is_right
                if not is_right:
                    one.others[identity.text] = one.others.get(identity.text, 0) + 1
    return result


def table(results: dict[tuple[str, str], Found]) -> Table:
    rows = []
    for name in dict.fromkeys(name for name, _ in results):
        ones = [results.get((name, code)) for code in DTYPES]
        rows.append(
            [name, *(percent(one.right, one.count, 1) if one else "not asked" for one in ones)]
        )
    about = (
        "Share found to be what they are. Isometries, and random zeros, are asked for in 16 bits "
        "and more: 8 bits leave too little of them."
    )
    return Table("Structured tensors", ("scheme", *DTYPES), rows, about)
