"""`initcli checks` as a Typer command."""

from __future__ import annotations

from typing import Annotated

import typer

from initcli.cli import completion, options
from initcli.cli.output import deliver
from initcli.cli.targets import targets_of


def checks(
    code: Annotated[
        str | None,
        typer.Argument(
            help="Show this one in full, or list those that begin so.",
            autocompletion=completion.check,
        ),
    ] = None,
    form: options.Form = None,
) -> None:
    """Lists the checks: what each finds, looks at and weighs, and what to do."""
    from initcli.commands.checks import list_checks as run

    deliver(run(code), targets_of((), form))
