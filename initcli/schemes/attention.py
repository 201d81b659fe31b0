"""Which part of an attention block a tensor is, as far as its name tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from initcli.schemes.layout import UnfitError

Part = Literal["query", "key", "value", "output", "qkv"]

# `query_key_value` is missing on purpose: it interleaves the three by heads.
_NAMES: dict[Part, str] = {
    "query": "(w|to_|linear_)?(q|query)(_proj|_lin)?",
    "key": "(w|to_|linear_)?(k|key)(_proj|_lin)?",
    "value": "(w|to_|linear_)?(v|value)(_proj|_lin)?",
    "qkv": "(w|to_)?qkv(_proj)?|in_proj_weight|c_attn",
    "output": "w?o|(o|out|c)_proj|to_out|linear_out|out_lin|proj|dense",
}
_IS_ATTENTION = re.compile("att|mha", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor stands.

    Attributes:
        block: The name of its attention block, which is the same for all parts.
        part: Which it is.
    """

    block: str
    part: Part


def place_of(name: str, part: Part | Literal["auto"] = "auto") -> Place:
    """Tells a tensor's attention block and its part of it from its name.

    The block is named up to the first word that speaks of attention behind the number of a layer,
    as `h.0.attn` of `h.0.attn.c_proj.weight`; where none does, by the module that holds the
    projection.

    Args:
        name: The fully qualified name, such as `encoder.layer.0.attention.output.dense.weight`.
        part: Which part it is, if the name need not tell.

    Raises:
        UnfitError: The name does not tell, or is that of an output outside an attention block.
    """
    words = name.removesuffix(".weight").split(".")
    while len(words) > 1 and words[-1].isdecimal():  # `to_out.0`, beside a dropout
        words.pop()
    *modules, projection = words
    depth = max((i for i, word in enumerate(modules, 1) if word.isdecimal()), default=0)
    spoken = [i for i, word in enumerate(modules, 1) if _IS_ATTENTION.search(word)]
    end = next((i for i in spoken if i > depth), len(modules))
    told = part if part != "auto" else _part_of(projection.lower())
    if part == "auto" and told == "output" and not spoken:  # other blocks have an `out_proj` too
        told = None
    if told is None:
        raise UnfitError("its name does not tell which part of attention it is; part=… may")
    return Place(".".join(modules[:end]), told)


def _part_of(projection: str) -> Part | None:
    stem = projection if projection == "in_proj_weight" else projection.removesuffix("_weight")
    return next((part for part, names in _NAMES.items() if re.fullmatch(names, stem)), None)
