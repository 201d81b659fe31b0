"""Recipes: ordered rules in TOML, of which a later one wins."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from initcli.core.errors import InitcliError, RecipeError
from initcli.core.text import did_you_mean, visible
from initcli.recipes.rule import Rule
from initcli.recipes.rule_table import formula_of, refuse_unknown, rule_of, text_of
from initcli.schemes.arithmetic import Formula

_KEYS = ("name", "summary", "source", "variables", "rule")
# No recipe that a person wrote comes near.
_LONGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a kind of model is initialised.

    Attributes:
        name: As users name it.
        rules: In order; the last that matches a tensor decides.
        summary: What it initialises, in one line.
        source: Where the rules were read.
        variables: What its formulas may use beyond the configuration.
    """

    name: str
    rules: tuple[Rule, ...]
    summary: str = ""
    source: str = ""
    variables: Mapping[str, Formula] = field(default_factory=dict)


def builtin_names() -> list[str]:
    """Returns the names of the recipes that come with initcli."""
    return sorted(entry.name.removesuffix(".toml") for entry in _builtin().iterdir())


def builtin_text(name: str) -> str:
    """Returns the TOML of a recipe that comes with initcli, for users to edit.

    Raises:
        RecipeError: There is none of that name.
    """
    return _builtin_bytes(name).decode("utf-8")


def load_recipe(text: str) -> Recipe:
    """Returns a recipe by its name, or from a file that ends in `.toml`.

    Raises:
        RecipeError: There is none, or it is malformed.
    """
    if text.endswith(".toml"):
        return parse_recipe(_read(Path(text)), text)
    return _load_builtin(text)


def _builtin() -> resources.abc.Traversable:
    return resources.files("initcli.recipes") / "builtin"


@functools.cache
def _load_builtin(name: str) -> Recipe:
    return parse_recipe(_builtin_bytes(name), f"{name}.toml")


def _builtin_bytes(name: str) -> bytes:
    known = builtin_names()
    if name not in known:
        hint = did_you_mean(name, known) or "initcli recipes lists them; a file ends in .toml"
        raise RecipeError(f"no recipe {visible(name, 80)!r}", hint=hint)
    return (_builtin() / f"{name}.toml").read_bytes()


def _read(path: Path) -> bytes:
    where = visible(str(path), 300)
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecipeError(f"cannot be read: {reason}", where=where) from error
    if len(raw) > _LONGEST:
        raise RecipeError("longer than a mebibyte", where=where)
    return raw


def parse_recipe(raw: bytes, where: str) -> Recipe:
    """Returns a recipe from its TOML.

    Raises:
        RecipeError: It is no TOML, or says something that means nothing.
    """
    where = visible(where, 300)
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"not TOML: {visible(str(error), 120)}", where=where) from error
    refuse_unknown(table, _KEYS, where)
    return Recipe(
        text_of(table, "name", where) or Path(where).stem,
        _rules(table.get("rule"), where),
        text_of(table, "summary", where),
        text_of(table, "source", where),
        _variables(table.get("variables", {}), where),
    )


def _rules(tables: object, where: str) -> tuple[Rule, ...]:
    if not isinstance(tables, list) or not tables:
        raise RecipeError("it has no [[rule]]", where=where)
    rules = []
    for number, table in enumerate(tables, 1):
        place = f"{where}, rule {number}"
        try:
            rules.append(rule_of(table, place))
        except RecipeError:
            raise
        except InitcliError as error:
            told = f"{error.where}: {error.message}" if error.where else error.message
            raise RecipeError(told, where=place, hint=error.hint) from error
    return tuple(rules)


def _variables(table: object, where: str) -> dict[str, Formula]:
    if not isinstance(table, Mapping):
        raise RecipeError("variables must be a table", where=where)
    return {
        name: formula_of(value, f"variable {visible(name, 80)}", where)
        for name, value in table.items()
    }
