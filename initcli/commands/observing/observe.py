"""Reads what was asked for of every chosen tensor, and holds it beside its scheme."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import replace
from types import MappingProxyType

from initcli.checks.observation import Observation
from initcli.commands.observing.request import Request
from initcli.formats.config import read_config
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.layers import layers_of
from initcli.schemes.layer import Layer

_NOTHING: Mapping[str, Layer] = MappingProxyType({})


def observe(
    checkpoint: Checkpoint,
    plan: Plan,
    chosen: Collection[str],
    request: Request,
    known: Mapping[str, Layer] = _NOTHING,
) -> tuple[list[Observation], tuple[str, ...]]:
    """Returns an observation of every chosen tensor of a checkpoint in its order, and notes.

    Args:
        checkpoint: What to read.
        plan: What is expected.
        chosen: The names of the tensors to look at.
        request: What to find out of them.
        known: What tensors are to their layers, where more than names and shapes tell it.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
        NotApplicableError: A scheme cannot be held against a tensor selected by name.
    """
    is_asked = plan.has_schemes or bool(request.level)
    layers = _layers(checkpoint, known) if is_asked else {}
    needs_config = plan.needs_config or bool(request.level)
    config = read_config(checkpoint.directory) if needs_config else {}
    assignments: Mapping[str, Assignment] = {}
    notes: tuple[str, ...] = ()
    if plan.has_schemes:
        assignments = plan.assign(checkpoint.specs, layers, chosen, config)
        notes = plan.remarks(assignments, layers)
    seen = {
        name: Observation(str(checkpoint.path), spec, None, assignments.get(name))
        for name, spec in checkpoint.specs.items()
        if name in chosen
    }
    told = _measured(checkpoint, seen, request, layers, config)
    return _with_duplicates(list(seen.values())), notes + told


def _measured(
    checkpoint: Checkpoint,
    seen: MutableMapping[str, Observation],
    request: Request,
    layers: Mapping[str, Layer],
    config: Mapping[str, object],
) -> tuple[str, ...]:
    """Adds what values show, if they are asked for; what brings NumPy, headers do without."""
    if request.level:
        from initcli.commands.observing.identified import identify

        return identify(checkpoint, layers, config, seen, request)
    if request.values:
        from initcli.commands.observing.measure import measure

        measure(checkpoint, seen, request)
    return ()


def _layers(checkpoint: Checkpoint, known: Mapping[str, Layer]) -> dict[str, Layer]:
    guessed = layers_of(checkpoint.specs)
    return {
        name: known[name] if name in known and known[name].shape == layer.shape else layer
        for name, layer in guessed.items()
    }


def _with_duplicates(seen: list[Observation]) -> list[Observation]:
    """Names for each tensor the first of equal dtype, shape and bytes.

    Constants are no copies, nor is what holds no value.
    """
    first: dict[object, str] = {}
    marked = []
    for one in seen:
        original = one.spec.name
        if one.digest and one.summary and one.summary.count and not one.summary.is_constant:
            content = (one.digest, one.spec.dtype.code, one.spec.shape)
            original = first.setdefault(content, original)
        is_copy = original != one.spec.name
        marked.append(replace(one, duplicate_of=original) if is_copy else one)
    return marked
