"""Declared ties of which both names are stored: whether they still hold the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from initcli.checks.contents import StoredTie
from initcli.checks.observation import Observation
from initcli.core.errors import InitcliError
from initcli.formats.config import NAME, read_config
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.tied_names import are_embeddings_tied, tied_embeddings

_NONE: Mapping[str, str] = MappingProxyType({})


def stored_ties(
    checkpoint: Checkpoint, of_model: Mapping[str, str] = _NONE
) -> tuple[list[StoredTie], tuple[str, ...]]:
    """Returns the declared ties of which both names are stored, and notes.

    Args:
        checkpoint: Whose metadata, and whose config.json beside it, declare ties.
        of_model: Those of the model it is said to be of: alias to first name.
    """
    embeddings, notes = _of_config(checkpoint)
    declared = {
        **dict.fromkeys(embeddings, f"{NAME}'s tie_word_embeddings"),
        **dict.fromkeys(of_model.items(), "the model"),
        **dict.fromkeys(checkpoint.declared_ties.items(), "the metadata"),
    }
    held = checkpoint.tensors
    ties = [
        StoredTie(alias, name, by)
        for (alias, name), by in declared.items()
        if alias in held and name in held
    ]
    return ties, notes


def _of_config(checkpoint: Checkpoint) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Asks the configuration only where there is anything to tie."""
    pairs = list(tied_embeddings(checkpoint.tensors))
    if not pairs:
        return [], ()
    try:
        config = read_config(checkpoint.directory)
    except InitcliError as error:
        return [], (f"ties not checked against {NAME}: {error.message}",)
    return pairs if are_embeddings_tied(config) else [], ()


def with_ties(seen: Sequence[Observation], ties: Sequence[StoredTie]) -> list[Observation]:
    """Marks copies that are declared ties of what they copy."""
    groups = _groups(ties)
    return [
        replace(one, is_tied=True)
        if one.duplicate_of and one.duplicate_of in groups.get(one.spec.name, ())
        else one
        for one in seen
    ]


def _groups(ties: Sequence[StoredTie]) -> dict[str, set[str]]:
    """Returns, for every tied name, all names that are tied to it through whichever others."""
    groups: dict[str, set[str]] = {}
    for tie in ties:
        both = (groups.setdefault(name, {name}) for name in (tie.alias, tie.name))
        small, large = sorted(both, key=len)
        if small is not large:
            large |= small
            groups.update(dict.fromkeys(small, large))
    return groups
