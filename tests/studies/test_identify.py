"""The study of `stats --identify` in a reduced form: what it promises holds.

Draws are seeded, so that what passes passes again. False alarms are of another seed: each bound on
a number of tensors, and each group of p-values, fails with probability 1e-3 at most if what is
promised is just so.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from scipy.stats import binom

from identify import marginal_null, modules, places_null, recipes, structured, trained, truth
from identify.asking import ALPHA
from identify.tails import LEVELS, Tail
from initcli.theory.identify.identity import Kind

FALSE_ALARM = 1e-3
SHAPES = {(8, 8): 1, (32, 48): 1}
LIBRARIES = ("jax", "keras", "transformers")

pytestmark = pytest.mark.skipif(
    any(find_spec(library) is None for library in LIBRARIES),
    reason=f"schemes are drawn by {', '.join(LIBRARIES)}",
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def most(count: int, share: float) -> int:
    """Returns how many of so many chance exceeds in one run of a thousand at most."""
    return int(binom.isf(FALSE_ALARM, count, share))


@pytest.fixture(scope="module")
def tallied(tmp_path_factory: pytest.TempPathFactory) -> truth.Tally:
    found = truth.tallies(tmp_path_factory.mktemp("truth"), SHAPES)
    return sum(found.values(), truth.Tally())


def test_the_truth_is_in_the_set(tallied: truth.Tally) -> None:
    assert tallied.told == tallied.asked > 400
    assert tallied.asked - tallied.found <= most(tallied.asked, ALPHA)


def test_hardly_a_draw_is_told_not_to_be_at_initialisation(tallied: truth.Tally) -> None:
    assert tallied.kinds[Kind.NOT_INITIAL] <= most(tallied.asked, ALPHA / 2)


def test_sets_are_small(tallied: truth.Tally) -> None:
    assert sum(tallied.laws) < 2.5 * len(tallied.laws)


def test_modules_are_told_by_what_stands_beside_their_tensors(tmp_path: Path) -> None:
    for module, tally in modules.tallies(tmp_path, 1, ("F32", "BF16")).items():
        assert tally.found == tally.told, module


def test_structures_are_found(tmp_path: Path) -> None:
    for (name, code), found in structured.found(tmp_path, 1).items():
        assert found.right == found.count, (name, code, found.others)


def surprising(tails: dict[tuple[str, ...], Tail]) -> dict[tuple[str, ...], list[int]]:
    """Returns where p-values are below a level more often than chance makes it, over all cells."""
    share = FALSE_ALARM / len(tails) / len(LEVELS)
    return {
        key: tail.below.tolist()
        for key, tail in tails.items()
        if (tail.below > binom.isf(share, tail.count, LEVELS)).any()
    }


def test_p_values_of_marginals_are_calibrated() -> None:
    assert not surprising(marginal_null.through_hold({64: 100}, ("F32", "BF16")))
    assert not surprising(marginal_null.far_out({64: 20_000}, ("F32", "BF16")))


def test_p_values_of_places_are_calibrated() -> None:
    counts = {(8, 64): 600, (32, 32): 300, (32, 16, 3, 3): 150}
    assert not surprising(places_null.places_tails(counts, ("F32", "BF16")))


def test_training_shows_by_how_far_it_moved(tmp_path: Path) -> None:
    every = trained.moved(tmp_path, (0, 1, 10))
    drawn = [one for one in every if not one.step]
    assert sum(one.is_found for one in drawn) <= most(len(drawn), ALPHA)
    far = [one for one in every if 0.1 <= one.drift < 0.3]
    assert len(far) > 15
    assert sum(one.is_found for one in far) > 0.8 * len(far)


@pytest.mark.parametrize("kind", ["gpt2", "vit"])
def test_a_model_of_transformers_is_told_by_its_recipe(kind: str, tmp_path: Path) -> None:
    ((_, _, right, told, _, right_alone, told_alone),) = recipes.initialised(
        tmp_path, ["tiny"], [kind]
    ).rows
    assert (right, right_alone) == ("100.0 %", "100.0 %")
    assert kind in told
    assert kind in told_alone


def test_one_layer_that_was_never_trained_is_named_and_no_other(tmp_path: Path) -> None:
    ((_, _, *counts),) = recipes.left_out(tmp_path, 128, ["gpt2"], steps=60, most=1).rows
    assert counts == ["1", "1", "0", "0"]
