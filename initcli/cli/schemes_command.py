"""`initcli schemes` as a Typer command."""

from __future__ import annotations

from typing import Annotated

import typer

from initcli.cli import completion, options
from initcli.cli.output import deliver
from initcli.cli.targets import targets_of


def schemes(
    name: Annotated[
        str | None,
        typer.Argument(help="Show this one in full.", autocompletion=completion.scheme),
    ] = None,
    form: options.Form = None,
) -> None:
    """Lists the schemes: formula, parameters, theoretical variance, citation."""
    from initcli.commands.schemes import list_schemes as run

    deliver(run(name), targets_of((), form))
