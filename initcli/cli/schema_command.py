"""`initcli schema` as a Typer command."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def _complete_document(incomplete: str) -> list[str]:
    from initcli.reports.documents import DOCUMENTS

    return [name for name in DOCUMENTS if name.startswith(incomplete)]


def schema(
    name: Annotated[
        str,
        typer.Argument(
            metavar="stats|compare|init|…",
            help="Whose JSON; schemes, gains and recipes too, and scheme, gain or recipe for one.",
            autocompletion=_complete_document,
        ),
    ],
) -> None:
    """Prints the JSON Schema of what --format json prints; rows of jsonl are among its $defs."""
    from initcli.commands.schema import schema as run

    typer.echo(json.dumps(run(name), indent=2))
