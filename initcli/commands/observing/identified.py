"""Measures a checkpoint and identifies its tensors, with all that its whole tells of each."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import replace

from initcli.checks.observation import Observation
from initcli.commands.observing.explained import explanation, recipes_of, suggested_by
from initcli.commands.observing.identify import Identification
from initcli.commands.observing.measure import measure
from initcli.commands.observing.request import Request
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.recipes.variables import Known
from initcli.schemes.layer import Layer
from initcli.theory.identify.roles import narrowed


def identify(
    checkpoint: Checkpoint,
    layers: Mapping[str, Layer],
    config: Mapping[str, object],
    seen: MutableMapping[str, Observation],
    request: Request,
) -> tuple[str, ...]:
    """Reads every observed tensor, adds what its values show, and returns notes on their whole.

    Args:
        checkpoint: What to read.
        layers: What each tensor is to its layer.
        config: The model's configuration.
        seen: What is known of the chosen tensors, by name.
        request: What to find out of them.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    recipes = recipes_of(checkpoint.specs, layers, config)
    known = Known.of(checkpoint.specs, config)
    suggested = suggested_by(recipes)
    measure(
        checkpoint, seen, request, Identification(checkpoint, layers, known, suggested, request)
    )
    told = explanation(recipes, list(seen.values()))
    found = {name: one.identity for name, one in seen.items() if one.identity}
    shapes = {name: one.spec.shape for name, one in seen.items()}
    for name, identity in narrowed(found, shapes).items():
        seen[name] = replace(seen[name], identity=identity)
    return told
