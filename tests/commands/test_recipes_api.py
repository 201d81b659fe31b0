from __future__ import annotations

import json
from pathlib import Path

import pytest

import initcli
from initcli.recipes.recipe import builtin_names, load_recipe
from shell import Run


def test_the_listing_holds_every_recipe_and_its_source() -> None:
    rows = initcli.list_recipes().table.rows
    assert [row.name for row in rows] == builtin_names()
    assert all(row.source.startswith("https://") and row.summary for row in rows)
    assert [row.rules for row in rows] == [len(load_recipe(row.name).rules) for row in rows]


@pytest.mark.parametrize("name", builtin_names())
def test_a_recipe_is_shown_rule_by_rule_with_what_it_rests_on(name: str) -> None:
    recipe, report = load_recipe(name), initcli.list_recipes(name)
    assert [row.scheme for row in report.table.rows] == [rule.outcome for rule in recipe.rules]
    assert recipe.source in report.verdict
    assert all(f"{variable}=" in report.verdict for variable in recipe.variables)
    assert report.document()["variables"] == {
        variable: formula.text for variable, formula in recipe.variables.items()
    }


def test_a_recipe_shows_layouts_rows_and_notes_where_it_has_them() -> None:
    shown = {row.tensors: row for row in initcli.list_recipes("dit").table.rows}
    assert shown["x_embedder.proj.weight"].layout == "linear"
    assert shown["pos_embed"].scheme == "left as it is"
    assert shown["every bias"].note is None
    padded = {row.tensors: row for row in initcli.list_recipes("bert").table.rows}
    assert padded["*word_embeddings.weight"].zero_row == "pad_token_id"


def test_the_command_prints_a_file_to_edit(run: Run, tmp_path: Path) -> None:
    done = run("recipes", "gpt2", "--toml")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "gpt2.toml").write_text(done.stdout, "utf-8")
    assert load_recipe(str(tmp_path / "gpt2.toml")) == load_recipe("gpt2")


def test_the_command_lists_for_machines(run: Run) -> None:
    done = run("recipes", "--format", "json")
    assert [row["name"] for row in json.loads(done.stdout)["rows"]] == builtin_names()
