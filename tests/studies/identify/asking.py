"""Asks which initialisation tensors carry, each as if it were alone in its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from initcli.checks.observation import Observation
from initcli.commands.observing.identified import identify
from initcli.commands.observing.request import Request
from initcli.engine.wanted import Wanted
from initcli.formats.detect import open_checkpoint
from initcli.recipes.layers import layers_of
from initcli.schemes.law import Law
from initcli.theory.identify.catalogue import key_of
from initcli.theory.identify.identity import Identity, Kind
from initcli.theory.identify.power import level_of

ALPHA = 1e-3
LEVEL = level_of(ALPHA, 1)
# What depth and width stand for in the laws that ask for them.
CONFIG = {"num_hidden_layers": 12, "hidden_size": 64}
DTYPES = {
    "F32": torch.float32,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


def stored(values: np.ndarray | torch.Tensor, code: str) -> torch.Tensor:
    """Returns drawn values as they are stored."""
    tensor = torch.from_numpy(np.array(values)) if isinstance(values, np.ndarray) else values
    return tensor.to(DTYPES[code]).contiguous()


def identities(tensors: Mapping[str, torch.Tensor], path: Path) -> dict[str, Identity]:
    """Returns the verdict on every tensor, at the level of a checkpoint that holds it alone.

    Args:
        tensors: By name; names that differ in numbers only would narrow each other's sets.
        path: Where to write them.
    """
    save_file(dict(tensors), path)
    checkpoint = open_checkpoint(path)
    seen = {name: Observation(str(path), spec, None) for name, spec in checkpoint.specs.items()}
    request = Request(Wanted(table=True), level=LEVEL, jobs=2)
    identify(checkpoint, layers_of(checkpoint.specs), CONFIG, seen, request)
    return {name: one.identity for name, one in seen.items() if one.identity}


def has(identity: Identity, law: Law) -> bool:
    """Whether a law is among those that a tensor is consistent with."""
    kept = identity.fits if identity.kind is Kind.CONSISTENT else ()
    return key_of(law) in {key_of(fit.law) for fit in kept}


def has_first(identity: Identity, law: Law) -> bool:
    """Whether a law is the likeliest of those."""
    return has(identity, law) and key_of(law) == key_of(identity.fits[0].law)
