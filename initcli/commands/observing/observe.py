"""Reads what was asked for of every chosen tensor, and holds it beside its scheme."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from initcli.checks.observation import Observation
from initcli.commands.observing.request import Request
from initcli.formats.checkpoint import Checkpoint
from initcli.formats.config import read_config
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
    names = [name for name in checkpoint.tensors if name in chosen]
    assignments: Mapping[str, Assignment] = {}
    notes: tuple[str, ...] = ()
    if plan.has_schemes:
        layers = _layers(checkpoint, known)
        config = read_config(checkpoint.directory) if plan.needs_config else {}
        assignments = plan.assign(checkpoint.specs, layers, chosen, config)
        notes = plan.remarks(assignments, layers)
    seen = {
        name: Observation(str(checkpoint.path), checkpoint.specs[name], None, assignments.get(name))
        for name in names
    }
    if request.values:
        from initcli.commands.observing.measure import (
            measure,  # it brings NumPy, which headers do without
        )

        measure(checkpoint, seen, request)
    return _with_duplicates(list(seen.values())), notes


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
