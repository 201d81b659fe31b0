"""The parts of the study, each in full and in a reduced form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from . import cost, marginal_null, modules, places_null, recipes, structured, trained, truth
from .hub import KINDS, TRAINED, WIDTHS
from .tables import Table

Part = Callable[[Path, bool], Iterator[Table]]


def of_truth(folder: Path, reduced: bool) -> Iterator[Table]:
    """Whether the truth is in the set."""
    few = dict.fromkeys(truth.SMALL, 1)
    many = {
        **dict.fromkeys(truth.SMALL, 8),
        **dict.fromkeys(truth.ODD, 4),
        **dict.fromkeys(truth.LARGE, 2),
        **dict.fromkeys(truth.LARGEST, 1),
    }
    tallied = truth.tallies(folder, few if reduced else many)
    yield truth.by_shape(tallied)
    yield truth.by_dtype(tallied)
    yield truth.by_scheme(tallied)
    yield modules.table(modules.tallies(folder, 2 if reduced else 20, ("F32", "BF16", "F16")))
    yield structured.table(structured.found(folder, 1 if reduced else 5))


def of_marginals(_: Path, reduced: bool) -> Iterator[Table]:
    """Whether p-values of the marginal's tests are calibrated."""
    lengths = {64: 200, 1024: 200} if reduced else {64: 4000, 256: 4000, 1024: 4000}
    held = marginal_null.through_hold(lengths, ("F32", "BF16"))
    about = "Pooled over laws. More than chance: "
    yield marginal_null.by_test(
        "Calibration of the marginal's tests", held, about + _listed(marginal_null.off(held))
    )
    far = {64: 40_000} if reduced else {64: 1_000_000, 256: 250_000, 1024: 60_000}
    counted = marginal_null.far_out(far, ("F32", "BF16"))
    yield marginal_null.by_test(
        "Calibration of the marginal's tests, far out",
        counted,
        f"Each statistic held against where its p-value reaches the level. {about}"
        + _listed(marginal_null.off(counted)),
    )


def of_places(_: Path, reduced: bool) -> Iterator[Table]:
    """Whether p-values of the tests of places are calibrated."""
    few = {(8, 64): 500, (32, 32): 200, (32, 16, 3, 3): 100}
    many = {
        (8, 64): 40_000,
        (4, 128): 40_000,
        (32, 32): 30_000,
        (16, 256): 20_000,
        (64, 64): 20_000,
        (16, 4, 7, 7): 10_000,
        (32, 16, 3, 3): 10_000,
        (256, 1, 7, 7): 8_000,
        (256, 256): 5_000,
        (512, 512): 1_000,
    }
    tails = places_null.places_tails(few if reduced else many, ("F32", "BF16"))
    yield places_null.by_test(tails, _listed(places_null.off(tails)))
    yield places_null.by_shape(tails)


def of_trained(folder: Path, reduced: bool) -> Iterator[Table]:
    """What is told of networks that were trained."""
    every = trained.moved(folder, trained.STEPS[:-2] if reduced else trained.STEPS)
    yield trained.by_step(every)
    yield trained.by_drift(every)
    yield trained.by_test(every)


def of_models(folder: Path, reduced: bool) -> Iterator[Table]:
    """Whether models of transformers are told by their recipes, and layers left out by name."""
    few = ["gpt2", "llama"]
    yield recipes.initialised(
        folder, ["tiny"] if reduced else list(WIDTHS), few if reduced else list(KINDS)
    )
    trainable = [name for name, kind in KINDS.items() if kind.loss]
    steps, most = (100, 1) if reduced else (300, 8)
    yield recipes.left_out(folder, TRAINED, few[:1] if reduced else trainable, steps, most)


def of_cost(folder: Path, reduced: bool) -> Iterator[Table]:
    """What it costs."""
    yield cost.cost(folder, 256 if reduced else 2048, 2 if reduced else 10, 1 if reduced else 3)


def _listed(off: list[str]) -> str:
    return "; ".join(off) + "." if off else "none."


PARTS: Mapping[str, Part] = {
    "truth": of_truth,
    "marginals": of_marginals,
    "places": of_places,
    "trained": of_trained,
    "models": of_models,
    "cost": of_cost,
}
