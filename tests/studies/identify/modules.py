"""Modules of torch.nn, whose laws are told by what stands beside a tensor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.theory.identify.identity import Kind

from .asking import identities, stored
from .draws import BLOCK, centred
from .tables import Table
from .truth import HEADER, Tally

# A module, and the laws of its tensors by the last part of their names; None of what is constant.
Made = tuple[str, Callable[[], nn.Module], dict[str, Law | None]]
NORMAL = laws.normal(0.0, 1.0)


def _recurrent(hidden: int) -> dict[str, Law | None]:
    names = (f"{kind}_{side}_l0" for kind in ("weight", "bias") for side in ("ih", "hh"))
    return dict.fromkeys(names, centred(hidden**-0.5))


def _plain(fan_in: int) -> dict[str, Law | None]:
    return dict.fromkeys(("weight", "bias"), centred(fan_in**-0.5))


def modules() -> Iterator[Made]:
    """Yields every module with its laws, from the documentation of torch.nn."""
    yield "LSTM(32, 64)", lambda: nn.LSTM(32, 64), _recurrent(64)
    yield "GRU(48, 96)", lambda: nn.GRU(48, 96), _recurrent(96)
    yield "RNN(64, 64)", lambda: nn.RNN(64, 64), _recurrent(64)
    yield "Linear(128, 256)", lambda: nn.Linear(128, 256), _plain(128)
    yield "Linear(4096, 64)", lambda: nn.Linear(4096, 64), _plain(4096)
    yield "Conv2d(16, 32, 3)", lambda: nn.Conv2d(16, 32, 3), _plain(144)
    yield "Conv2d(32, 64, 3, groups=4)", lambda: nn.Conv2d(32, 64, 3, groups=4), _plain(72)
    yield "Conv2d(96, 96, 7, groups=96)", lambda: nn.Conv2d(96, 96, 7, groups=96), _plain(49)
    yield "ConvTranspose2d(32, 64, 4)", lambda: nn.ConvTranspose2d(32, 64, 4), _plain(1024)
    attention = {
        "in_proj_weight": centred(math.sqrt(6 / (4 * 64))),
        "out_proj.weight": centred(64**-0.5),
        "in_proj_bias": None,
        "out_proj.bias": None,
    }
    yield "MultiheadAttention(64)", lambda: nn.MultiheadAttention(64, 4), attention
    yield "Embedding(1000, 64)", lambda: nn.Embedding(1000, 64), {"weight": NORMAL}
    padded = {"weight": NORMAL}
    yield (
        "Embedding(1000, 64, padding_idx=0)",
        lambda: nn.Embedding(1000, 64, padding_idx=0),
        padded,
    )


def tallies(folder: Path, count: int, codes: tuple[str, ...]) -> dict[str, Tally]:
    """Builds every module so often in every dtype; by module."""
    result: dict[str, Tally] = {}
    for number, (title, make, told) in enumerate(modules()):
        for code in codes:
            tensors, truth = {}, {}
            for seed in range(count):
                torch.manual_seed(seed)
                module = "embedding" if title.startswith("Emb") else "m"
                prefix = f"h.{BLOCK}.{module}_{number}_{seed}x."
                for name, values in make().state_dict().items():
                    tensors[prefix + name] = stored(values, code)
                    truth[prefix + name] = told[name]
            tally = result.setdefault(title, Tally())
            for name, identity in identities(tensors, folder / "modules.safetensors").items():
                law = truth[name]
                if law is not None:
                    tally.add(identity, law)
                elif identity.kind is not Kind.STRUCTURED:
                    tally.kinds[identity.kind] += 1
    return result


def table(results: dict[str, Tally]) -> Table:
    rows = [[title, *tally.cells] for title, tally in results.items()]
    about = (
        "By names and shapes alone, as a file has them; biases of zeros are asked for too. "
        "Of nn.Bilinear these tell no law: its weight looks like a kernel."
    )
    return Table("Modules of torch.nn", ("module", *HEADER), rows, about)
