"""`initcli recipes`: the table of built-in recipes, or the rules of one."""

from __future__ import annotations

from initcli.core.text import plural
from initcli.recipes.recipe import Recipe, builtin_names, builtin_text, load_recipe
from initcli.recipes.rule import Rule
from initcli.reports.listing import (
    RECIPE_COLUMNS,
    RULE_COLUMNS,
    ListingReport,
    RecipeRow,
    RuleRow,
)
from initcli.reports.table import Table


def list_recipes(name: str | None = None) -> ListingReport:
    """Lists every built-in recipe, or shows the rules of one, built-in or from a file.

    Raises:
        RecipeError: There is no such recipe, or it is malformed.
    """
    if name is not None:
        return _detail(load_recipe(name))
    recipes = [load_recipe(each) for each in builtin_names()]
    rows = tuple(
        RecipeRow(each.name, len(each.rules), each.summary, each.source) for each in recipes
    )
    keys = tuple(column.key for column in RECIPE_COLUMNS)
    table = Table(RECIPE_COLUMNS, rows, keys, wraps=True)
    return ListingReport("initcli.recipes/1", table, plural(len(rows), "recipe"))


def recipe_text(name: str) -> str:
    """Returns a built-in recipe's TOML, to be copied and edited.

    Raises:
        RecipeError: There is no such recipe.
    """
    return builtin_text(name)


def _detail(recipe: Recipe) -> ListingReport:
    rows = tuple(_row(number, rule) for number, rule in enumerate(recipe.rules, 1))
    shown = tuple(
        column
        for column in RULE_COLUMNS
        if any(getattr(row, column.key) is not None for row in rows)
    )
    keys = tuple(column.key for column in RULE_COLUMNS)
    variables = {name: formula.text for name, formula in recipe.variables.items()}
    facts = {
        "name": recipe.name,
        "summary": recipe.summary,
        "source": recipe.source,
        "variables": variables,
    }
    table = Table(shown, rows, keys, wraps=True)
    return ListingReport("initcli.recipe/1", table, _verdict(recipe), facts=facts)


def _verdict(recipe: Recipe) -> str:
    given = ", ".join(f"{name}={formula.text}" for name, formula in recipe.variables.items())
    defaults = f"unless config.json or --set says otherwise, {given}" if given else ""
    parts = (f"{recipe.name}: {recipe.summary}", defaults, recipe.source)
    return "; ".join(filter(None, parts))


def _row(number: int, rule: Rule) -> RuleRow:
    return RuleRow(
        number,
        rule.condition,
        rule.outcome,
        rule.layout.text if rule.layout else None,
        rule.dtype.code if rule.dtype else None,
        rule.zero_row.text if rule.zero_row else None,
        rule.note or None,
    )
