"""How long the command takes to start, beside the libraries it is built on."""

from __future__ import annotations

import sys
from pathlib import Path

from made import many
from racing import Racing
from shell import COMMAND
from spent import spent

LIBRARIES = (sys.executable, "-c", "import typer, rich.console")


def test_help(race: Racing, workplace: Path) -> None:
    race(
        "initcli --help / import typer, rich.console, wall",
        lambda: spent(workplace, COMMAND, "--help").wall,
        lambda: spent(workplace, *LIBRARIES).wall,
        "<= 2.5",
    )


def test_listing(race: Racing, workplace: Path, tensors: int) -> None:
    path = many(workplace / "listed.safetensors", "F32", tensors // 10)
    command = (COMMAND, "stats", path, "--columns", "name,shape,dtype")
    race(
        f"listing of {tensors // 10:,} tensors / import typer, rich.console, wall",
        lambda: spent(workplace, *command).wall,
        lambda: spent(workplace, *LIBRARIES).wall,
        "ours - baseline <= 0.5 s",
    )
