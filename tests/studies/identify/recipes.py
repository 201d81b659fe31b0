"""Whether models of transformers are told by their recipes, and what was never trained by name."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

import initcli
from initcli.checks.observation import Observation
from initcli.commands.observing.identified import identify
from initcli.commands.observing.request import Request
from initcli.core.errors import InitcliError
from initcli.core.tensor import TensorSpec
from initcli.engine.wanted import Wanted
from initcli.formats.config import read_config
from initcli.formats.detect import open_checkpoint
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.layers import layers_of
from initcli.schemes.layer import Layer
from initcli.theory.identify.agree import agrees
from initcli.theory.identify.power import level_of

from .asking import ALPHA
from .hub import KINDS, WIDTHS, Kind
from .tables import Table, percent

EXPLAINS = re.compile("statistically consistent with recipes? ")
VARIABLES = re.compile(r" \([^)]*\)")
CHECK = "IC310"


@dataclass(frozen=True, slots=True)
class Explained:
    """What is told of a model as it was initialised.

    Attributes:
        asked: Of how many tensors the recipe tells a law that can be asked for.
        off: Those that are not told to be consistent with it.
        notes: The recipes that are said to explain the file.
    """

    asked: int
    off: tuple[str, ...]
    notes: tuple[str, ...]


def explained(folder: Path, kind: Kind) -> Explained:
    """Asks for every tensor of a saved model, and holds it against its recipe."""
    checkpoint = open_checkpoint(folder)
    layers, config = layers_of(checkpoint.specs), read_config(checkpoint.directory)
    seen = {name: Observation(str(folder), spec, None) for name, spec in checkpoint.specs.items()}
    level = level_of(ALPHA, len(seen))
    notes = identify(checkpoint, layers, config, seen, Request(Wanted(table=True), level=level))
    assignments = _assigned(checkpoint.specs, layers, config, kind.recipe)
    verdicts = {name: _agrees(one, assignments.get(name)) for name, one in seen.items()}
    asked = {name: verdict for name, verdict in verdicts.items() if verdict is not None}
    return Explained(
        len(asked),
        tuple(name for name, verdict in asked.items() if not verdict),
        tuple(VARIABLES.sub("", EXPLAINS.sub("", note)) for note in notes if EXPLAINS.match(note)),
    )


def _assigned(
    specs: Mapping[str, TensorSpec],
    layers: Mapping[str, Layer],
    config: Mapping[str, object],
    recipe: str,
) -> dict[str, Assignment]:
    try:
        return Plan.of(Asked(recipe=recipe)).assign(specs, layers, specs, config)
    except InitcliError:
        return {}  # without its configuration a recipe may ask for what nothing tells


def _agrees(one: Observation, assignment: Assignment | None) -> bool | None:
    if assignment is None or assignment.draw is None or not (one.summary and one.identity):
        return None
    return agrees(assignment.draw.law, one.spec.dtype, one.summary, one.identity)


def initialised(folder: Path, sizes: Sequence[str], kinds: Sequence[str]) -> Table:
    """Builds every model, and tells with its configuration beside it and without."""
    rows = []
    for name in kinds:
        for size in sizes:
            kind, path = KINDS[name], folder / f"{name}-{size}"
            kind.save(kind.build(WIDTHS[size], 3), path)
            with_config = explained(path, kind)
            (path / "config.json").unlink()
            without = explained(path, kind)
            rows.append([f"{name}, {size}", *_cells(with_config), *_cells(without)])
    told = ("tensors", "truth in set", "recipes said to explain the file")
    header = ("model", *told, *(f"without config: {each}" for each in told))
    about = (
        f"As transformers initialises them, at α = {ALPHA:g} for a whole file. The truth is what "
        "the model's recipe says; *0 tensors* where it says nothing without a configuration. The "
        "recipe swin is torchvision's, which draws the tables of biases that are zeros here."
    )
    return Table("Models of transformers", header, rows, about)


def _cells(one: Explained) -> list[str]:
    right = percent(one.asked - len(one.off), one.asked, 1)
    return [f"{one.asked}", right, "; ".join(one.notes) or "none"]


@dataclass(slots=True)
class Named:
    """Which layers are named after one was initialised again.

    Attributes:
        drift: The median of ‖W − W₀‖/‖W₀‖ over weights, before.
        before: Those that are named if none was initialised again.
        trials: How many were, one at a time.
        right: How many of them are named.
        others: How many others are that were not named before.
    """

    drift: float
    before: set[str]
    trials: int = 0
    right: int = 0
    others: int = 0


def left_out(folder: Path, width: int, kinds: Sequence[str], steps: int, most: int) -> Table:
    """Trains models, initialises one layer of each again, and asks which are named."""
    rows = []
    for name in kinds:
        one = _named(folder / f"{name}-trained", KINDS[name], width, steps, most)
        counts = map(str, (one.trials, one.right, one.others, len(one.before)))
        rows.append([name, f"{one.drift:.2f}", *counts])
    header = ("model", "drift", "layers", f"named by {CHECK}", "others named", "named before")
    about = (
        f"Models of width {width}, trained {steps} steps by AdamW; then the weight of one layer "
        "at a time is taken from a model of another seed. *Drift* is the median of ‖W − W₀‖/‖W₀‖. "
        "*Named before* are weights that look untouched though training went over them."
    )
    return Table("One layer that was never trained", header, rows, about)


def _named(folder: Path, kind: Kind, width: int, steps: int, most: int) -> Named:
    model, first, fresh = (kind.build(width, seed) for seed in (3, 3, 4))
    _train(model, kind, steps)
    kept, before = _saved(model, kind, folder), _findings(folder)
    found = Named(_drift(model, first), before)
    drawn = dict(fresh.named_parameters())
    for name, values in _spread(list(_weights(model)), most):
        trained = values.detach().clone()
        values.data.copy_(drawn[name])
        now = _saved(model, kind, folder)
        changed = {each for each, tensor in now.items() if not torch.equal(tensor, kept[each])}
        values.data.copy_(trained)
        named = _findings(folder)
        found.trials += 1
        found.right += changed <= named
        found.others += len(named - changed - before)
    return found


def _train(model: nn.Module, kind: Kind, steps: int) -> None:
    if kind.loss is None:
        raise ValueError("nothing trains this model here")
    by = torch.optim.AdamW(model.parameters(), lr=kind.rate)
    generator = torch.Generator().manual_seed(5)
    for _ in range(steps):
        by.zero_grad()
        kind.loss(model, generator).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        by.step()


def _drift(model: nn.Module, first: nn.Module) -> float:
    before = dict(_weights(first))
    return statistics.median(
        float((values - before[name]).detach().norm() / before[name].detach().norm())
        for name, values in _weights(model)
    )


def _weights(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yields the weights of linear layers and convolutions that are not tied to an embedding's."""
    layers = (nn.Linear, nn.Conv1d, nn.Conv2d)
    single = dict(model.named_parameters())
    for name, module in model.named_modules():
        is_layer = isinstance(module, layers) or type(module).__name__ == "Conv1D"
        if is_layer and f"{name}.weight" in single:
            yield f"{name}.weight", module.weight


def _spread(weights: list[tuple[str, nn.Parameter]], most: int) -> list[tuple[str, nn.Parameter]]:
    """Takes so many that are as far apart as they may be."""
    step = max(1, len(weights) // most)
    return weights[step // 2 :: step][:most]


def _saved(model: nn.Module, kind: Kind, folder: Path) -> dict[str, torch.Tensor]:
    """Writes a model; returns what the file holds, whose names may be others than the model's."""
    kind.save(model, folder)
    return {name: each.clone() for name, each in load_file(folder / "model.safetensors").items()}


def _findings(folder: Path) -> set[str]:
    report = initcli.stats(folder, select_check=[CHECK], identify=True)
    return {finding.tensor for finding in report.findings}
