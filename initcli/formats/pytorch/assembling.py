"""Makes of what a pickle says and where its storages lie the tensors of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from initcli.core.collector import uncollected
from initcli.core.errors import MalformedError
from initcli.core.tensor import TensorSpec
from initcli.core.text import some, visible
from initcli.formats.pytorch.pickles.machine import Machine
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.placing import Placing
from initcli.formats.pytorch.tensors.known import unknown_code
from initcli.formats.pytorch.tensors.meanings import Absent
from initcli.formats.pytorch.tensors.names import Named, named
from initcli.formats.pytorch.tensors.walk import Leaf, leaves
from initcli.formats.storage.checkpoint import OpenedFile, Shard, StoredTensor

Placed = list[tuple[TensorSpec, int]]
"""Tensors, and the addresses at which they begin."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a file holds beside the bytes of its storages.

    Attributes:
        path: The file.
        identity: By which a change is noticed.
        root: What its pickle says.
        machine: What read it.
        placing: Where its storages lie.
    """

    path: Path
    identity: tuple[int, int, int]
    root: object
    machine: Machine
    placing: Placing


def assembled(held: Held) -> OpenedFile:
    """Returns the tensors of a file, the model's and an optimizer's, and what to say of them.

    Raises:
        MalformedError: A tensor makes no sense, or is not in the file.
    """
    where = visible(str(held.path), 300)
    with uncollected():
        try:
            found = named(held.root, leaves(held.root))
        except PickleFlawError as flaw:
            raise MalformedError(str(flaw), where=where) from flaw
        _refuse_twins([*found.model, *found.optimizer], where)
        model = _placed(found.model, held.placing, where)
        optimizer = _placed(found.optimizer, held.placing, where)
        extents = held.placing.space.extents
        shard = Shard(held.path, held.placing.size, held.identity, extents=extents)
        return OpenedFile(
            shard,
            _stored(model, shard),
            _stored(optimizer, shard),
            (*_notes(found), *_unknown(held.machine)),
            unread={
                leaf.name: leaf.tensor.reason
                for leaf in found.model
                if isinstance(leaf.tensor, Absent)
            },
        )


def _refuse_twins(found: Sequence[Leaf], where: str) -> None:
    known = set[str]()
    for leaf in found:
        if leaf.name in known:
            raise MalformedError(f"two tensors are named {visible(leaf.name, 80)}", where=where)
        known.add(leaf.name)


def _placed(found: Sequence[Leaf], placing: Placing, where: str) -> Placed:
    placed = Placed()
    for leaf in found:
        if not isinstance(leaf.tensor, Absent):
            try:
                placed.append(placing.place(leaf.name, leaf.tensor))
            except PickleFlawError as flaw:
                here = f"{where}, tensor {visible(leaf.name, 80)}"
                raise MalformedError(str(flaw), where=here) from flaw
    return placed


def _stored(placed: Placed, shard: Shard) -> dict[str, StoredTensor]:
    return {spec.name: StoredTensor(spec, shard, offset) for spec, offset in placed}


def _notes(found: Named) -> Iterator[str]:
    if found.below:
        yield f"names are those below {visible('.'.join(found.below), 120)}"
    told: dict[str, list[str]] = {}
    for leaf in (*found.model, *found.optimizer):
        for remark in filter(None, (*leaf.remarks, _remark(leaf))):
            told.setdefault(remark, []).append(visible(leaf.name, 80))
    for remark, names in told.items():
        yield f"{remark}: {some(names)}"


def _remark(leaf: Leaf) -> str:
    """Returns what a reader should know of a tensor that no finding tells."""
    if not isinstance(leaf.tensor, Absent):
        return leaf.tensor.remark
    return f"not read, {leaf.tensor.reason}" if leaf.is_optimizer else ""


def _unknown(machine: Machine) -> Iterable[str]:
    names = [visible(name, 60) for name in unknown_code(machine.globals.values())]
    return [f"the file names code, which is not run: {some(names, 5)}"] if names else []
