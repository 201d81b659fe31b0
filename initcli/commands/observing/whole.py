"""What is learnt of each checkpoint as a whole, beside what its tensors show one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from initcli.checks.contents import Contents, StoredTie
from initcli.checks.matching import Match, Model, match
from initcli.checks.observation import Observation
from initcli.commands.observing.opening import Opening
from initcli.commands.observing.request import Request
from initcli.commands.observing.ties import stored_ties, with_ties
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.models.source import Source
from initcli.recipes.selector import Selector


@dataclass(frozen=True, slots=True)
class Whole:
    """What checks look at.

    Attributes:
        seen: Every tensor that was looked at, by itself.
        contents: Every checkpoint, those of which nothing can be read among them.
        notes: What a reader should know.
    """

    seen: tuple[Observation, ...]
    contents: tuple[Contents, ...]
    notes: tuple[str, ...]


def look_at_whole(
    opening: Opening,
    seen: Sequence[Observation],
    selector: Selector,
    model: Source | None,
    request: Request,
) -> Whole:
    """Returns what can be said of each checkpoint once its tensors were observed.

    Args:
        opening: What was opened.
        seen: The tensors of all checkpoints that were looked at, in order.
        selector: Which tensors the user asks about.
        model: What the checkpoints are said to be of.
        request: Whether values are read, and by how many threads.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    own: dict[str, list[Observation]] = {str(each.path): [] for each in opening.checkpoints}
    for one in seen:
        own[one.checkpoint].append(one)
    told = [
        _of_one(each, own[str(each.path)], selector, model, request) for each in opening.checkpoints
    ]
    defects = opening.defects
    unreadable = (Contents(path, (), defects[path]) for path in map(str, opening.refused))
    contents = (*(each for each, _ in told), *unreadable)
    return Whole(
        tuple(chain(*(each.seen for each in contents))),
        contents,
        tuple(dict.fromkeys(chain(*(notes for _, notes in told)))),
    )


def _of_one(
    checkpoint: Checkpoint,
    seen: Sequence[Observation],
    selector: Selector,
    model: Source | None,
    request: Request,
) -> tuple[Contents, tuple[str, ...]]:
    ties, notes = stored_ties(checkpoint, model.ties) if model else stored_ties(checkpoint)
    contents = Contents(
        str(checkpoint.path),
        with_ties(seen, ties),
        checkpoint.defects,
        _compared(checkpoint, ties, seen, request.jobs) if request.values else (),
        _match(checkpoint, selector, model) if model else None,
        {name: why for name, why in checkpoint.unread.items() if selector.matches(name)},
        is_empty=not (checkpoint.tensors or checkpoint.defects or checkpoint.unread),
        is_sharded=checkpoint.index is not None,
    )
    return contents, notes if request.values else ()


def _compared(
    checkpoint: Checkpoint, ties: Sequence[StoredTie], seen: Sequence[Observation], jobs: int
) -> Sequence[StoredTie]:
    if not ties:
        return ()
    from initcli.commands.observing.tied_values import compared  # it brings NumPy

    return compared(checkpoint, ties, {one.spec.name for one in seen}, jobs)


def _match(checkpoint: Checkpoint, selector: Selector, model: Source) -> Match:
    """Holds it beside the model, or beside what the model's library stores if that is nearer."""
    saved = model.saved() if model.saved else {}
    stored = {name: spec for name, spec in saved.items() if name not in model.ties}
    found = (
        match(Model(form, model.ties), checkpoint.specs, checkpoint.ties, selector.matches)
        for form in (model.specs, stored)
        if form
    )
    return min(found, key=lambda each: each.departures)
