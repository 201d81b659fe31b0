"""Parts in one checkpoint, such as q, k and v, that the other holds fused in one tensor.

Both must stand at the same place, with the same names around their own; `--map` brings them there.
Parts follow each other along the first dimension, or the second where inputs come first. Where
heads are interleaved (GPT-NeoX, BLOOM), no file tells how many there are, and what is compared
will differ.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from initcli.commands.comparing.join import TRANSPOSED, Join, Way, alone
from initcli.commands.comparing.operand import Operand
from initcli.engine.views import View, cannot_view
from initcli.formats.storage.checkpoint import StoredTensor

_PARTS = (
    ("q_proj", "k_proj", "v_proj"),
    ("query", "key", "value"),
    ("query_proj", "key_proj", "value_proj"),
    ("q", "k", "v"),
    ("to_q", "to_k", "to_v"),
    ("q_lin", "k_lin", "v_lin"),
    ("wq", "wk", "wv"),
    ("linear_q", "linear_k", "linear_v"),
    ("gate_proj", "up_proj"),
    ("gate", "up"),
    ("w1", "w3"),
)
_FUSED = {
    **dict.fromkeys(("qkv", "qkv_proj", "to_qkv", "wqkv", "Wqkv", "W_pack", "in_proj"), 3),
    **dict.fromkeys(("c_attn", "query_key_value", "linear_qkv"), 3),
    **dict.fromkeys(("gate_up_proj", "gate_up", "w13"), 2),
}
_MATRIX = 2

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part, what of the fused tensor it is, and along which dimension that is cut."""

    part: Join
    view: View
    along: int

    @property
    def indices(self) -> str:
        """Which values of the fused tensor, as Python writes it."""
        if self.along:
            return f"[:, {self.view.columns.start}:{self.view.columns.stop}]"
        return f"[{self.view.rows.start}:{self.view.rows.stop}]"


def with_parts(joins: Sequence[Join], other: Operand, *, turns: bool) -> list[Join]:
    """Puts a row for every part in the place of a fused tensor and its parts.

    Args:
        joins: What was joined by name.
        other: B.
        turns: Whether parts may be stored transposed, too.
    """
    only_a, only_b = alone(joins)
    made: dict[str, list[Join]] = {}
    for fused, parts in (*_matched(only_a, only_b), *_matched(only_b, only_a)):
        rows = _rows(fused, parts, other, turns=turns)
        if rows:
            made.update({each.name: [] for each in parts})
            made[fused.name] = rows
    return [row for each in joins for row in made.get(each.name, [each])]


def _matched(fused: Iterable[Join], others: Iterable[Join]) -> Iterator[tuple[Join, list[Join]]]:
    """Yields each fused tensor with its parts in order, if all of them are there."""
    by_place = {place: each for each in others for place in [_place(each.name)]}
    for each in fused:
        around, word = _place(each.name)
        for words in _PARTS:
            if len(words) != _FUSED.get(word):
                continue
            parts = [by_place.get((around, word)) for word in words]
            found = [part for part in parts if part is not None]
            if len(found) == len(words):
                yield each, found
                break


def _place(name: str) -> Place:
    """Returns what stands around the word for a part or what is fused, and that word."""
    # torch.nn.MultiheadAttention has in_proj_weight where others have in_proj.weight.
    segments = re.sub(r"_(weight|bias)$", r".\1", name).split(".")
    known = [i for i, each in enumerate(segments) if each in _FUSED or each in _WORDS]
    if not known:
        return name, ""
    segments[known[-1]], word = "", segments[known[-1]]
    return ".".join(segments), word


_WORDS = frozenset(itertools.chain(*_PARTS))


def _rows(fused: Join, parts: Sequence[Join], other: Operand, *, turns: bool) -> list[Join]:
    tensors = [each.tensor for each in (fused, *parts)]
    if any(map(cannot_view, tensors)):
        return []
    layouts = [
        [_Part(part, view, along) for part, view in zip(parts, views, strict=True)]
        for along, turned in itertools.product((0, 1), (False, True) if turns else (False,))
        for views in [_views(tensors[0], tensors[1:], along, turned=turned)]
        if views
    ]
    return [_row(fused, ways, other) for ways in zip(*layouts, strict=True)]


def _views(
    fused: StoredTensor, parts: Sequence[StoredTensor], along: int, *, turned: bool
) -> list[View]:
    """Returns the views of a fused tensor that its parts are; none if shapes do not add up."""
    whole, shapes = fused.spec.shape, [each.spec.shape for each in parts]
    if turned:
        shapes = [shape[::-1] for shape in shapes]
    is_matrix = len(whole) == _MATRIX
    if not whole or not (is_matrix or not (along or turned)):
        return []
    if any(len(each) != len(whole) for each in shapes):
        return []
    rest = whole[:along] + whole[along + 1 :]
    ends = list(itertools.accumulate(shape[along] for shape in shapes))
    if any(shape[:along] + shape[along + 1 :] != rest for shape in shapes):
        return []
    if ends[-1] != whole[along]:
        return []
    every = View.whole(fused, transposed=turned)
    cuts = [range(start, end) for start, end in itertools.pairwise((0, *ends))]
    return [replace(every, columns=cut) if along else replace(every, rows=cut) for cut in cuts]


def _row(fused: Join, ways: Sequence[_Part], other: Operand) -> Join:
    """Returns the row of one part, by all ways that shapes allow; they share names and tensors."""
    part = ways[0].part
    is_a = fused.a is not None
    found = tuple(_way(fused, each, other, is_a=is_a) for each in ways)
    of_a, of_b = (fused, part) if is_a else (part, fused)
    names = of_a.name, of_b.name
    return Join(found[0].name, of_a.a, of_b.b, found[0].name_b, names, found, is_part=True)


def _way(fused: Join, found: _Part, other: Operand, *, is_a: bool) -> Way:
    part = View.whole(found.part.tensor)
    told = f"part, {TRANSPOSED}" if found.view.transposed else "part"
    if is_a:
        name, name_b = f"{fused.name}{found.indices}", other.own_name(found.part.name)
        return Way(found.view, part, told, name, name_b)
    name, name_b = found.part.name, f"{other.own_name(fused.name)}{found.indices}"
    return Way(part, found.view, told, name, name_b)
