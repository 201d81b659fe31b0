"""Every built-in recipe against the library that defines it.

Seeds are fixed. A run of `stats` finds a tensor off by chance once in a thousand seeds, and so does
a run of the Kolmogorov–Smirnov tests over all tensors of a model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest

import initcli
from initcli.formats.config import read_config
from initcli.formats.detect import open_checkpoint
from initcli.models.module_source import module_source
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.layers import layers_of
from initcli.recipes.recipe import builtin_names, load_recipe
from initcli.reports.stats import StatsReport
from initcli.schemes.law import Law
from published import MODELS, built, recipe_of, saved, scaled, values_of

ALPHA = 1e-3
# Large enough that a factor of 1.3 in the scale is dozens of standard errors off.
LEAST = 1024


@pytest.fixture(scope="module")
def library() -> dict[str, Path]:
    return {}


@pytest.fixture(params=MODELS)
def model(
    request: pytest.FixtureRequest,
    library: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    name: str = request.param
    if name not in library:
        library[name] = saved(name, tmp_path_factory.mktemp("published") / "model")
    return name, library[name]


def stats(path: Path, name: str) -> StatsReport:
    return initcli.stats(path, recipe=recipe_of(name), alpha=ALPHA, strict=True, detail=False)


def assigned(path: Path, name: str) -> dict[str, Assignment]:
    checkpoint = open_checkpoint(path)
    plan = Plan.of(Asked(recipe=recipe_of(name)))
    specs = checkpoint.specs
    return plan.assign(specs, layers_of(specs), set(specs), read_config(path.parent))


def test_the_library_draws_what_the_recipe_says(model: tuple[str, Path]) -> None:
    report = stats(model[1], model[0])
    assert not report.findings
    assert report.passed


def test_every_tensor_is_judged_or_kept_on_purpose(model: tuple[str, Path]) -> None:
    for name, one in assigned(model[1], model[0]).items():
        assert one.draw or one.reason == "left as it is by the recipe", name


def test_the_distribution_is_the_laws_not_its_moments_only(model: tuple[str, Path]) -> None:
    plan, values = assigned(model[1], model[0]), values_of(model[1])
    laws = {name: one.draw.law for name, one in plan.items() if one.draw and one.draw.law.cdf}
    for name, law in laws.items():
        sample = values[name].astype(np.float64).ravel()[:200_000]
        assert kstest(sample, law.cdf).pvalue > ALPHA / len(laws), (name, law.family)


def test_what_the_recipe_draws_passes_as_the_recipe(model: tuple[str, Path]) -> None:
    name, path = model
    drawn = path.parent / "drawn.safetensors"
    initcli.init(path, drawn, recipe=recipe_of(name), seed=7, force=True)
    assert not stats(drawn, name).findings


def test_one_wrong_layer_is_named_and_no_other(model: tuple[str, Path]) -> None:
    name, path = model
    wrong = _wrong(path, name)
    faulty = scaled(path, wrong, 1.3, path.parent / "faulty.safetensors")
    report = stats(faulty, name)
    assert not report.passed
    assert {finding.tensor for finding in report.findings} == {wrong}


def test_a_module_is_drawn_as_its_file_is(model: tuple[str, Path]) -> None:
    name, path = model
    module, config = built(name)
    source, plan = module_source("m", module, None), Plan.of(Asked(recipe=recipe_of(name)))
    laws = laws_of(plan.assign(source.specs, source.layers, set(source.specs), config))
    assert all(laws.values())
    stored = laws_of(assigned(path, name))
    assert {key: law for key, law in laws.items() if key in stored}.items() <= stored.items()


def laws_of(plan: dict[str, Assignment]) -> dict[str, Law | str]:
    kept = "left as it is by the recipe"
    return {
        name: one.draw.law if one.draw else one.reason * (one.reason == kept)
        for name, one in plan.items()
    }


def _wrong(path: Path, name: str) -> str:
    """Returns the last of the large random weights."""
    return [
        tensor
        for tensor, one in assigned(path, name).items()
        if one.draw and one.draw.law.cdf and values_of(path)[tensor].size >= LEAST
    ][-1]


def test_every_recipe_has_a_model_of_its_library() -> None:
    assert {recipe_of(name) for name in MODELS} == set(builtin_names())


@pytest.mark.parametrize("name", builtin_names())
def test_every_recipe_says_what_it_is_and_where_it_was_read(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.summary
    assert recipe.source.startswith("https://")
    assert recipe.name == name
