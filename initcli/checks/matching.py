"""Holds a checkpoint's names and shapes beside those of the model that it is said to be of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from initcli.core.tensor import Shape, TensorSpec

# Names are data: one with a million dots is not cut at each of them.
_MOST_PARTS = 12


@dataclass(frozen=True, slots=True)
class Model:
    """What a model's state dict holds.

    Attributes:
        specs: Every tensor by the first of its names.
        ties: Its further names: alias to first name.
    """

    specs: Mapping[str, TensorSpec]
    ties: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.specs or name in self.ties

    @property
    def names(self) -> list[str]:
        """Every name, tied ones too."""
        return [*self.specs, *self.ties]


@dataclass(frozen=True, slots=True)
class Renaming:
    """A prefix that stands between a checkpoint's names and a model's.

    Attributes:
        prefix: What it is, with its dot.
        is_surplus: Whether the checkpoint has it and the model has not, or the reverse.
        before: How many names agree as they are.
        after: How many agree once it is removed or added.
        names: How many names the checkpoint has.
    """

    prefix: str
    is_surplus: bool
    before: int
    after: int
    names: int

    def to_model(self, name: str) -> str:
        """Returns what the model calls a tensor of the checkpoint."""
        return name.removeprefix(self.prefix) if self.is_surplus else self.prefix + name

    def to_checkpoint(self, name: str) -> str:
        """Returns what the checkpoint calls a tensor of the model."""
        return self.prefix + name if self.is_surplus else name.removeprefix(self.prefix)


@dataclass(frozen=True, slots=True)
class Match:
    """Where a checkpoint departs from a model.

    Attributes:
        missing: What only the model has, by its name there.
        unexpected: The names that only the checkpoint has.
        misshapen: By the checkpoint's name, its shape and the model's where they differ.
        renaming: A prefix that had to be allowed for; None if names agree without.
    """

    missing: Mapping[str, TensorSpec] = field(default_factory=dict)
    unexpected: tuple[str, ...] = ()
    misshapen: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict)
    renaming: Renaming | None = None

    @property
    def departures(self) -> int:
        """How many tensors are not as the model has them."""
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)


def match(
    model: Model,
    stored: Mapping[str, TensorSpec],
    aliases: Mapping[str, str],
    is_chosen: Callable[[str], bool],
) -> Match:
    """Holds a checkpoint beside a model.

    A tensor with several names need be stored under one of them only. Buffers that a state dict
    leaves out are no part of a model.

    Args:
        model: What should be there.
        stored: What is.
        aliases: Further names of stored tensors, as the checkpoint's metadata declares them.
        is_chosen: Whether the user asks about a name of the checkpoint.
    """
    renaming = renaming_between([*stored, *aliases], model)
    known = {name: _known(name, model, renaming) for name in (*stored, *aliases)}
    held = {name for name in known.values() if name}
    return Match(
        {
            name: spec
            for name, spec in model.specs.items()
            if name not in held and is_chosen(renaming.to_checkpoint(name) if renaming else name)
        },
        tuple(name for name in stored if not known[name] and is_chosen(name)),
        {
            name: (spec.shape, wanted)
            for name, spec in stored.items()
            if (own := known[name])
            and (wanted := model.specs[own].shape) != spec.shape
            and is_chosen(name)
        },
        renaming,
    )


def _known(name: str, model: Model, renaming: Renaming | None) -> str | None:
    """Returns the first name that a model has for a tensor of the checkpoint, if it has any."""
    if name not in model and renaming is not None:
        name = renaming.to_model(name)
    return model.ties.get(name, name) if name in model else None


def renaming_between(names: Collection[str], model: Model) -> Renaming | None:
    """Finds the one prefix that makes most names agree; None if more agree without.

    Args:
        names: What the checkpoint calls its tensors.
        model: What should be there.
    """
    own, wanted = frozenset(names), frozenset(model.names)
    before = len(own & wanted)
    votes = Counter(
        (prefix, is_surplus)
        for longer, shorter, is_surplus in ((own, wanted, True), (wanted, own, False))
        for name in longer
        for prefix in _prefixes(name, shorter)
    )
    # Of equal numbers of votes the shorter prefix counts, whatever the order of a set.
    ranked = sorted(votes.items(), key=lambda each: (-each[1], len(each[0][0]), each[0]))
    for (prefix, is_surplus), after in ranked[:1]:
        if after > before and 2 * after > min(len(own), len(wanted)):
            return Renaming(prefix, is_surplus, before, after, len(own))
    return None


def _prefixes(name: str, shorter: Collection[str]) -> Iterator[str]:
    """Yields what must be taken off a name to make it one of the shorter ones."""
    at = -1
    for _ in range(_MOST_PARTS):
        at = name.find(".", at + 1)
        if at < 0:
            return
        if name[at + 1 :] in shorter:
            yield name[: at + 1]
