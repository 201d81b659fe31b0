"""Checks of a checkpoint beside the model that it is said to be of."""

from __future__ import annotations

from collections.abc import Iterator

from initcli.checks.contents import Contents
from initcli.checks.finding import Severity
from initcli.checks.registry import check
from initcli.core.tensor import Shape
from initcli.core.text import visible


@check(
    "IC306",
    Severity.ERROR,
    of=Contents,
    looks_at="names, with --model",
    evidence="match",
    advice="with --model: see whether the layer was saved, or renamed",
)
def is_missing(contents: Contents) -> Iterator[tuple[str, str]]:
    """The model has a tensor that the checkpoint has not, under none of its names.

    It stays at its random initialisation when the checkpoint is loaded.
    """
    for name, spec in contents.match.missing.items() if contents.match else ():
        yield name, f"missing: the model has it, {_times(spec.shape)}"


@check(
    "IC307",
    Severity.ERROR,
    of=Contents,
    looks_at="names, with --model",
    evidence="match",
    advice="with --model: see whether the model or its configuration is another",
)
def is_unexpected(contents: Contents) -> Iterator[tuple[str, str]]:
    """The checkpoint has a tensor that the model has not.

    It is dropped when the checkpoint is loaded, or loading fails.
    """
    for name in contents.match.unexpected if contents.match else ():
        yield name, "unexpected: the model has none of this name"


@check(
    "IC308",
    Severity.ERROR,
    of=Contents,
    looks_at="shapes, with --model",
    evidence="match",
    advice="with --model: see whether the configuration is another, or the layer transposed",
)
def is_misshapen(contents: Contents) -> Iterator[tuple[str, str]]:
    """A tensor has another shape than in the model.

    It cannot be loaded; a loader that is told to go on leaves it at its random initialisation.
    """
    for name, (own, wanted) in contents.match.misshapen.items() if contents.match else ():
        yield name, f"{_times(own)}, where the model has {_times(wanted)}"


@check(
    "IC309",
    Severity.ERROR,
    of=Contents,
    looks_at="names, with --model",
    evidence="match",
    advice="with --model: rename the tensors, or load the part of the model they are of",
)
def prefix_departs(contents: Contents) -> str | None:
    """Names differ from the model's by one prefix.

    No tensor is loaded under its name, though nothing is missing.
    """
    renaming = contents.match.renaming if contents.match else None
    if renaming is None:
        return None
    act = "without" if renaming.is_surplus else "with"
    return (
        f"{renaming.before:,} of {renaming.names:,} names are the model's, and {act} the prefix "
        f"'{visible(renaming.prefix, 120)}' {renaming.after:,} are"
    )


def _times(shape: Shape) -> str:
    return "×".join(map(str, shape[:_MOST_SIDES])) + "…" * (len(shape) > _MOST_SIDES) or "a scalar"


_MOST_SIDES = 8
