"""Makes of what a pickle says and where its storages lie the tensors of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from initcli.core.collector import uncollected
from initcli.core.errors import MalformedError
from initcli.core.tensor import TensorSpec
from initcli.core.text import some, visible
from initcli.formats.pytorch.pickles.machine import Machine
from initcli.formats.pytorch.pickles.records import PickleFlawError
from initcli.formats.pytorch.placing import Placing, RepeatedError
from initcli.formats.pytorch.tensors.known import unknown_code
from initcli.formats.pytorch.tensors.meanings import Absent, Array, Broken, View
from initcli.formats.pytorch.tensors.names import Named, named
from initcli.formats.pytorch.tensors.walk import Leaf, leaves
from initcli.formats.storage.checkpoint import OpenedFile, Shard, StoredTensor
from initcli.formats.storage.defect import Defect, Tell, taking_note, unreadable

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
        constants: What a second pickle says of what a compiled model needs beside its state.
    """

    path: Path
    identity: tuple[int, int, int]
    root: object
    machine: Machine
    placing: Placing
    constants: object = None

    def leaves(self) -> Iterator[Leaf]:
        """Yields every tensor that the pickles name."""
        yield from leaves(self.root)
        for leaf in leaves(self.constants):
            # Compiled models have none, and those of a pickle lie where the first one does.
            is_array = isinstance(leaf.tensor, Array)
            tensor = Absent("a NumPy array among constants") if is_array else leaf.tensor
            yield replace(leaf, path=("constants", *leaf.path), tensor=tensor)


def assembled(held: Held) -> OpenedFile:
    """Returns the tensors of a file, the model's and an optimizer's, and what to say of them.

    What is wrong with single tensors is a defect.

    Raises:
        MalformedError: The pickle makes no sense.
    """
    where = visible(str(held.path), 300)
    defects: list[Defect] = []
    with uncollected():
        try:
            found = named(held.root, held.leaves())
        except PickleFlawError as flaw:
            raise MalformedError(str(flaw), where=where) from flaw
        place = partial(_placed, held.placing, where, taking_note(defects))
        unread: dict[str, str] = {}
        model, optimizer = place(found.model, unread), place(found.optimizer, {})
        extents = held.placing.space.extents
        shard = Shard(held.path, held.placing.size, held.identity, extents=extents)
        return OpenedFile(
            shard,
            _stored(model, shard),
            _stored(optimizer, shard),
            (*_notes(found), *_unknown(held.machine)),
            tuple(defects),
            unread,
        )


def _placed(
    placing: Placing, where: str, tell: Tell, found: Sequence[Leaf], unread: dict[str, str]
) -> Placed:
    """Returns the tensors that are where they should be, each name once."""
    placed: dict[str, tuple[TensorSpec, int]] = {}
    for leaf in found:
        try:
            if reason := _place(leaf, placing, placed):
                unread[leaf.name] = reason
        except PickleFlawError as flaw:
            here = f"{where}, tensor {visible(leaf.name, 80)}"
            tell(unreadable(leaf.name, MalformedError(str(flaw), where=here)))
    return list(placed.values())


def _place(leaf: Leaf, placing: Placing, placed: dict[str, tuple[TensorSpec, int]]) -> str:
    """Places a tensor, or returns why a sound file has one that is not read."""
    match leaf.tensor:
        case Absent(reason):
            return reason
        case Broken(flaw):
            raise PickleFlawError(flaw)
        case found if leaf.name not in placed:
            try:
                placed[leaf.name] = placing.place(leaf.name, found)
            except RepeatedError as error:
                return str(error)
            return ""
    return "another tensor has its name"


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
    if isinstance(leaf.tensor, View | Array):
        return leaf.tensor.remark
    if isinstance(leaf.tensor, Absent) and leaf.is_optimizer:
        return f"not read, {leaf.tensor.reason}"
    return ""


def _unknown(machine: Machine) -> Iterable[str]:
    names = [visible(name, 60) for name in unknown_code(machine.globals.values())]
    return [f"the file names code, which is not run: {some(names, 5)}"] if names else []
