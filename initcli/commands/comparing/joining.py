"""Which tensors of two checkpoints are held against each other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from initcli.commands.comparing.fused import with_parts
from initcli.commands.comparing.join import FUSED, TRANSPOSED, Join, Way
from initcli.commands.comparing.operand import Operand
from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.engine.views import View, cannot_view

MATCHES = (TRANSPOSED, FUSED)
_MATRIX = 2


def parse_match(text: str | Sequence[str]) -> frozenset[str]:
    """Reads what shall be recognised, comma-separated.

    Raises:
        OptionError: It is nothing that can be.
    """
    words = text.split(",") if isinstance(text, str) else text
    wanted = frozenset(word.strip() for word in words if word.strip())
    for word in sorted(wanted - set(MATCHES)):
        hint = did_you_mean(word, MATCHES) or f"one or both of {', '.join(MATCHES)}"
        raise OptionError(f"cannot match {word!r}", hint=hint)
    return wanted


def join(one: Operand, other: Operand, match: Collection[str] = ()) -> list[Join]:
    """Joins the tensors of two checkpoints by name.

    Args:
        one: A.
        other: B, by the names that its tensors shall have.
        match: What else is recognised: `transposed` matrices, and parts of `fused` ones.

    Returns:
        Those of A in A's order, then what only B holds.
    """
    names = dict.fromkeys((*one.tensors, *other.tensors))
    joins = [_joined(name, one, other) for name in names]
    if FUSED in match:
        joins = with_parts(joins, other, turns=TRANSPOSED in match)
    return [_with_transposed(each) for each in joins] if TRANSPOSED in match else joins


def _joined(name: str, one: Operand, other: Operand) -> Join:
    b = other.find(name)
    own = other.own_name(name) if b is not None else name
    return Join(name, one.find(name), b, None if own == name else own)


def _with_transposed(joined: Join) -> Join:
    a, b = joined.a, joined.b
    if a is None or b is None or not _could_turn(joined) or cannot_view(a) or cannot_view(b):
        return joined
    own = joined.name_b or joined.name
    way = Way(View.whole(a), View.whole(b, transposed=True), TRANSPOSED, joined.name, own)
    return replace(joined, ways=(way,))


def _could_turn(joined: Join) -> bool:
    """Whether both are matrices, of which one has the shape of the other transposed."""
    if joined.a is None or joined.b is None or joined.ways:
        return False
    shape = joined.a.spec.shape
    return len(shape) == _MATRIX and shape == joined.b.spec.shape[::-1]


def unturned(joins: Sequence[Join], match: Collection[str]) -> dict[str, str]:
    """Returns by name why what could be a transposed matrix cannot be compared as one."""
    if TRANSPOSED not in match:
        return {}
    return {
        each.name: f"as transposed: {reason}"
        for each in joins
        if _could_turn(each)
        for reason in [cannot_view(each.tensor)]
        if reason
    }
