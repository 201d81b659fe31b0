"""`initcli init` as a Typer command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from initcli.cli import options
from initcli.cli.output import deliver, progress
from initcli.cli.targets import named_files, targets_of
from initcli.reports.tensor_columns import COLUMNS

EXAMPLES = f"""
**Examples**

`initcli init model.py:build --arg width=256 --scheme 'orthogonal(gain=relu)' -o fresh.safetensors`

`initcli init trained.safetensors --select 'head.*' --scheme xavier_uniform -o reset.safetensors`

`initcli init model.py:build --scheme kaiming_normal --bias zeros --dry-run`

**Columns**: {options.keys_of(COLUMNS)}
"""


def init(
    source: Annotated[
        str,
        typer.Argument(
            help="A checkpoint, path/to/file.py:factory, or a Hugging Face config.json.",
            metavar="SOURCE",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="A .safetensors, .pt or .pth file; a directory if it is or SOURCE is sharded.",
        ),
    ] = None,
    scheme: options.SchemeName = None,
    bias: options.Bias = None,
    recipe: options.Recipe = None,
    layout: options.LayoutText = None,
    settings: options.Settings = None,
    parameters: dict[str, str] | None = None,
    select: options.Select = None,
    exclude: options.Exclude = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    dtype: Annotated[
        str | None,
        typer.Option(help="What is drawn is cast to it; of a factory's model every float."),
    ] = None,
    arg: options.FactoryArguments = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, write nothing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    max_shard_size: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Such as 5GB: OUT is a directory of shards, named as the Hub does."
        ),
    ] = None,
    jobs: options.Jobs = None,
    columns: options.Columns = None,
    wide: options.Wide = False,
    form: options.Form = None,
    report: options.ReportFiles = None,
) -> None:
    """Draws selected tensors of a model or checkpoint, and keeps the rest."""
    from initcli.commands.init import init as run

    targets = targets_of(report or (), form, inputs=named_files(source), reserved=output)
    with progress() as shown:
        done = run(
            source,
            output,
            scheme=scheme,
            bias=bias,
            parameters=parameters,
            recipe=recipe,
            layout=layout,
            settings=settings or (),
            select=select or (),
            exclude=exclude or (),
            seed=seed,
            dtype=dtype,
            arguments=arg or (),
            columns=columns,
            dry_run=dry_run,
            force=force,
            max_shard_size=max_shard_size,
            jobs=jobs,
            progress=shown,
        )
    deliver(done, targets, wide=wide)
