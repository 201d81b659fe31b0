"""Where in a model a tensor stands, as its name tells: in which layer, and in which role there."""

from __future__ import annotations

from collections.abc import Iterable

from initcli.core.text import role_of
from initcli.recipes.variables import Stacks


def layers_by_name(names: Iterable[str]) -> dict[str, str]:
    """Returns each tensor's layer: the block it belongs to, or else its module.

    >>> layers_by_name(["h.0.attn.weight", "h.0.mlp.weight", "wte.weight"])
    {'h.0.attn.weight': 'h.0', 'h.0.mlp.weight': 'h.0', 'wte.weight': 'wte'}
    """
    names = list(names)
    stacks = Stacks.of(names)
    return {name: stacks.block(name) or name.rpartition(".")[0] or "(top)" for name in names}


def roles_by_name(names: Iterable[str]) -> dict[str, str]:
    """Returns each tensor's role: its name, in which any number stands for all.

    >>> roles_by_name(["h.0.attn.weight", "h.1.attn.weight"])
    {'h.0.attn.weight': 'h.*.attn.weight', 'h.1.attn.weight': 'h.*.attn.weight'}
    """
    return {name: role_of(name) for name in names}
