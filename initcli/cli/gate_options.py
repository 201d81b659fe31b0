"""Options of what fails a run, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from initcli.cli import completion
from initcli.core.errors import OptionError

PANEL = "What fails"

SelectCheck = Annotated[
    list[str] | None,
    typer.Option(
        "--select-check",
        metavar="CODE",
        rich_help_panel=PANEL,
        autocompletion=completion.check,
        help="Ask these checks only; IC2 stands for all of IC2xx (repeatable): initcli checks.",
    ),
]
IgnoreCheck = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-check",
        metavar="CODE",
        rich_help_panel=PANEL,
        autocompletion=completion.check,
        help="Leave out what these find (repeatable).",
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        metavar="warning|error|never",
        rich_help_panel=PANEL,
        help="The lightest finding that exits 1; by default an error.",
    ),
]
Strict = Annotated[
    bool | None,
    typer.Option(
        "--strict/--no-strict", rich_help_panel=PANEL, help="What could not be checked exits 1."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        rich_help_panel=PANEL,
        help="Settings; by default the nearest initcli.toml, or [tool.initcli] of pyproject.toml.",
    ),
]
NoConfig = Annotated[
    bool, typer.Option("--no-config", rich_help_panel=PANEL, help="Read no settings.")
]


def settings_file(config: Path | None, *, no_config: bool) -> Path | None:
    """Returns the settings file that holds for a run; None if there is none.

    Raises:
        OptionError: One is named, and none is to be read.
        SettingsError: One that was found cannot be read.
    """
    if no_config:
        if config is not None:
            raise OptionError("--config names settings, and --no-config reads none")
        return None
    from initcli.commands.gating.settings_file import find_settings

    return config or find_settings(Path.cwd())
