"""`initcli recipes` as a Typer command."""

from __future__ import annotations

from typing import Annotated

import typer

from initcli.cli import completion, options
from initcli.cli.output import deliver
from initcli.cli.targets import targets_of
from initcli.core.errors import OptionError


def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="Show the rules of this one.",
            autocompletion=completion.recipe,
        ),
    ] = None,
    toml: Annotated[
        bool, typer.Option("--toml", help="Print a built-in recipe as a file, to be edited.")
    ] = False,
    form: options.Form = None,
) -> None:
    """Lists the recipes: which kind of model, by what rules, read where."""
    from initcli.commands.recipes import list_recipes, recipe_text

    if not toml:
        deliver(list_recipes(name), targets_of((), form))
    if name is None or form is not None:
        raise OptionError("--toml goes with a recipe's name, and with no --format")
    typer.echo(recipe_text(name), nl=False)
