"""`initcli gains` as a Typer command."""

from __future__ import annotations

from typing import Annotated

import typer

from initcli.cli import completion, options
from initcli.cli.output import deliver
from initcli.cli.targets import targets_of


def gains(
    name: Annotated[
        str | None,
        typer.Argument(help="Show this one in full.", autocompletion=completion.nonlinearity),
    ] = None,
    negative_slope: Annotated[
        float, typer.Option("--negative_slope", metavar="NUMBER", help="Of leaky_relu.")
    ] = 0.01,
    form: options.Form = None,
) -> None:
    """Lists the nonlinearities: gains forward and backward, stability of signals with depth."""
    from initcli.commands.gains import list_gains as run

    deliver(run(name, negative_slope=negative_slope), targets_of((), form))
