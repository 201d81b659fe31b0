"""The application: every command, and what holds for all of them."""

from __future__ import annotations

from typing import Annotated

import typer

from initcli.cli import compare_command, init_command, stats_command
from initcli.cli.checks_command import checks
from initcli.cli.environment import describe_environment
from initcli.cli.gains_command import gains
from initcli.cli.options import with_scheme_parameters
from initcli.cli.recipes_command import recipes
from initcli.cli.schema_command import schema
from initcli.cli.schemes_command import schemes
from initcli.core.errors import OptionError
from initcli.core.version import VERSION

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init", epilog=init_command.EXAMPLES)(with_scheme_parameters(init_command.init))
app.command("stats", epilog=stats_command.EXAMPLES)(with_scheme_parameters(stats_command.stats))
app.command("compare", epilog=compare_command.EXAMPLES)(compare_command.compare)
app.command("checks")(checks)
app.command("schemes")(schemes)
app.command("gains")(gains)
app.command("recipes")(recipes)
app.command("schema")(schema)


@app.callback(invoke_without_command=True)
def initcli(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --version: what it runs with, too.")
    ] = False,
) -> None:
    """Initialises, inspects and compares checkpoints, beside what theory expects.

    Exit codes: 0 clean, 1 a check failed or a difference, 2 usage or unreadable input.
    """
    if version:
        typer.echo(f"initcli {VERSION}")
        if verbose:
            typer.echo("\n".join(describe_environment()))
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise OptionError("no command is given", hint="initcli --help lists them")
    if verbose:
        raise OptionError("--verbose goes with --version")
