"""What is told of networks after steps of training, by how far they moved."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from initcli.theory.identify.identity import Identity, Kind

from .asking import ALPHA, identities
from .networks import NETWORKS, OPTIMISERS
from .tables import Table, percent

STEPS = (0, 1, 10, 100, 1000)
BANDS = ((0.0, 0.03), (0.03, 0.1), (0.1, 0.3), (0.3, 1.0), (1.0, math.inf))
# Smaller matrices have too few lines, or too short ones, for most tests of places.
LARGE = 1024
# The prototype's verdicts by step, and its share found to have been trained by drift.
PROTOTYPE = {
    0: (".983", ".017", ".000", "0"),
    1: (".508", ".458", ".034", ".009"),
    10: (".237", ".390", ".373", ".058"),
    100: (".051", ".136", ".814", ".374"),
    1000: (".034", ".034", ".932", ".906"),
}
FOUND_BEFORE = ("0", ".05", ".71", ".96", "1.0")
Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Moved:
    """A tensor after some steps.

    Attributes:
        optimiser: Which moved it.
        step: After how many.
        drift: ‖W − W₀‖/‖W₀‖.
        name: What it is called, the network's name ahead.
        is_large: Whether it is a matrix or kernel of `LARGE` values or more.
        identity: What is told of it.
    """

    optimiser: str
    step: int
    drift: float
    name: str
    is_large: bool
    identity: Identity

    @property
    def is_found(self) -> bool:
        """Whether it is told to be no draw of a known scheme."""
        return self.identity.kind in {Kind.NOT_INITIAL, Kind.UNKNOWN_LAW}

    @property
    def found_by(self) -> str:
        """The test that says so."""
        if self.identity.kind is Kind.NOT_INITIAL:
            return self.identity.reason.partition(",")[0]
        return self.identity.fits[0].against if self.identity.fits else "scale"


def moved(folder: Path, steps: Sequence[int]) -> list[Moved]:
    """Trains every network with both optimisers; returns what was drawn, after each step."""
    result = []
    for network in NETWORKS:
        for optimiser in OPTIMISERS:
            first: Weights = {}
            drawn: set[str] = set()
            for step, weights in _snapshots(network, optimiser, steps):
                found = identities(weights, folder / "trained.safetensors")
                first = first or weights
                drawn = drawn or {name for name, one in found.items() if _was_drawn(one)}
                result += [
                    Moved(
                        optimiser,
                        step,
                        float((weights[name] - first[name]).norm() / first[name].norm()),
                        f"{network} {name}",
                        first[name].dim() > 1 and first[name].numel() >= LARGE,
                        found[name],
                    )
                    for name in sorted(drawn)
                ]
    return result


def _was_drawn(identity: Identity) -> bool:
    return identity.kind not in {Kind.STRUCTURED, Kind.CANNOT_TELL}


def _snapshots(network: str, optimiser: str, steps: Sequence[int]) -> Iterator[tuple[int, Weights]]:
    torch.manual_seed(7)
    build, loss = NETWORKS[network]
    model = build()
    by = OPTIMISERS[optimiser](model)
    generator = torch.Generator().manual_seed(8)
    for step in range(steps[-1] + 1):
        if step in steps:
            yield step, _weights(model)
        by.zero_grad()
        loss(model, generator).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        by.step()


def _weights(model: nn.Module) -> Weights:
    return {name: each.detach().clone().contiguous() for name, each in model.named_parameters()}


def by_step(every: Sequence[Moved]) -> Table:
    matrices = [one for one in every if one.is_large]
    rows: list[Sequence[str]] = []
    for optimiser in OPTIMISERS:
        for step in dict.fromkeys(one.step for one in every):
            ones = [one for one in matrices if (one.optimiser, one.step) == (optimiser, step)]
            kinds = Counter(one.identity.kind for one in ones)
            shares = (Kind.CONSISTENT, Kind.UNKNOWN_LAW, Kind.NOT_INITIAL)
            cells = [f"{kinds[kind] / len(ones):.3f}" for kind in shares]
            drift = f"{statistics.median(one.drift for one in ones):.3f}"
            rows.append([optimiser, f"{step:,}", f"{len(ones)}", *cells, drift, *PROTOTYPE[step]])
    header = ["optimiser", "step", "tensors", "consistent", "law unknown", "not initial", "drift"]
    beside = [f"prototype: {each}" for each in header[3:]]
    about = (
        f"{', '.join(NETWORKS)}: every matrix and kernel of {LARGE:,} values or more that was "
        f"drawn, asked for at α = {ALPHA:g} each. Drift is the median of ‖W − W₀‖/‖W₀‖. The "
        "prototype's networks were others, so that rows of equal drift are to be compared."
    )
    return Table("Trained networks, by step", header + beside, rows, about)


def by_drift(every: Sequence[Moved]) -> Table:
    rows = []
    for (low, high), before in zip(BANDS, FOUND_BEFORE, strict=True):
        band = f"{low:.0%} to {high:.0%}" if math.isfinite(high) else f"{low:.0%} and more"
        cells = [band]
        for is_large in (True, False):
            ones = [one for one in every if one.step and one.is_large is is_large]
            cells += _shares([one for one in ones if low <= one.drift < high])
        rows.append([*cells, before])
    found = ("not initial", "or law unknown")
    header = ("drift", "large matrices", *found, "others", *found, "prototype: not initial")
    about = (
        "*Or law unknown*: no known scheme's law is kept, or places speak against any. *Others*: "
        f"vectors, and matrices of less than {LARGE:,} values."
    )
    return Table("Trained networks, by drift", header, list(rows), about)


def _shares(ones: Sequence[Moved]) -> list[str]:
    initial = sum(one.identity.kind is Kind.NOT_INITIAL for one in ones)
    found = sum(one.is_found for one in ones)
    return [f"{len(ones)}", percent(initial, len(ones), 1), percent(found, len(ones), 1)]


def by_test(every: Iterable[Moved]) -> Table:
    counts = Counter(one.found_by for one in every if one.step and one.is_found)
    rows = [[test, f"{count}"] for test, count in counts.most_common()]
    about = "Which test speaks most against a tensor that was trained."
    return Table("Trained networks, by test", ("test", "tensors"), list(rows), about)
