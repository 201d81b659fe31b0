"""Splits tensors into shards as the Hugging Face Hub's libraries do.

Source: https://github.com/huggingface/huggingface_hub, `serialization/_base.py`
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from initcli.core.errors import OptionError
from initcli.core.tensor import TensorSpec

WHOLE = "model.safetensors"
INDEX = f"{WHOLE}.index.json"
_UNITS = {
    "": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)},
    **{f"{letter}IB": 1024**power for power, letter in enumerate("KMGT", 1)},
}
_SIZE = re.compile(r"\s*(\d{1,18}(?:\.\d{1,9})?)\s*([a-z]*)\s*", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Returns bytes: `5GB` and `500MB` are decimal, `5GiB` is binary, `5000000` has no unit.

    Raises:
        OptionError: It is no size, or less than a byte.
    """
    found = _SIZE.fullmatch(text)
    if found is None or found[2].upper() not in _UNITS:
        hint = "write it as 5GB, 500MB, 4GiB, or in bytes"
        raise OptionError(f"{text[:40]!r} is no size", hint=hint)
    size = int(Fraction(found[1]) * _UNITS[found[2].upper()])
    if size < 1:
        raise OptionError("a shard must be allowed at least one byte")
    return size


def shards_of(specs: Iterable[TensorSpec], limit: int) -> list[list[TensorSpec]]:
    """Fills one shard after the other, in the order of the tensors.

    A tensor that is larger than the limit gets a shard of its own, before the one being filled.

    Args:
        specs: The tensors.
        limit: The bytes of tensors that a shard may hold.
    """
    shards = list[list[TensorSpec]]()
    open_shard, room = list[TensorSpec](), limit
    for spec in specs:
        if spec.nbytes > limit:
            shards.append([spec])
            continue
        if spec.nbytes > room:
            shards.append(open_shard)
            open_shard, room = [], limit
        open_shard.append(spec)
        room -= spec.nbytes
    return [*shards, open_shard] if open_shard or not shards else shards


def shard_name(number: int, count: int) -> str:
    """Returns the name of a shard, counted from one."""
    return f"model-{number:05d}-of-{count:05d}.safetensors" if count > 1 else WHOLE
