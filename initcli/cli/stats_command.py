"""`initcli stats` as a Typer command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from initcli.cli import options
from initcli.cli.output import FOR_MACHINES, deliver, progress
from initcli.cli.targets import targets_of
from initcli.reports.tensor_columns import COLUMNS

MEASURED = "What is measured"
EXAMPLES = f"""
**Examples**

`initcli stats model.safetensors --sort std --top 10`

`initcli stats model/ --scheme kaiming_normal --nonlinearity relu --select '*.weight'`

`initcli stats model/ --columns +hist,+p01,+p99,-zeros --rows --hash`

`initcli stats model/ --by layer --format json -o stats.json`

**In CI**: fail on broken weights, and when an initialisation is off its theory

`initcli stats model.safetensors --format github -o sarif:stats.sarif -o junit:stats.xml`

`initcli stats model/ --recipe torch_default --strict --format github`

**Columns**: {options.keys_of(COLUMNS)}
"""


def stats(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="A .safetensors file, a sharded index, or a directory with either."),
    ],
    select: options.Select = None,
    exclude: options.Exclude = None,
    scheme: options.SchemeName = None,
    bias: options.Bias = None,
    recipe: options.Recipe = None,
    layout: options.LayoutText = None,
    settings: options.Settings = None,
    model: options.Model = None,
    arg: options.FactoryArguments = None,
    parameters: dict[str, str] | None = None,
    alpha: Annotated[
        float,
        typer.Option(
            rich_help_panel=options.THEORY,
            help="Chance that any tensor drawn by its scheme is found off.",
        ),
    ] = 1e-3,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="layer|dtype", rich_help_panel=options.OUTPUT, help="One row a group."
        ),
    ] = None,
    sort: options.Sort = None,
    top: options.Top = None,
    columns: options.Columns = None,
    wide: options.Wide = False,
    form: options.Form = None,
    output: options.Output = None,
    fail_on: Annotated[
        str,
        typer.Option(metavar="warning|error|never", help="The lightest finding that exits 1."),
    ] = "error",
    strict: Annotated[
        bool, typer.Option("--strict", help="What could not be checked exits 1.")
    ] = False,
    rows: Annotated[
        bool,
        typer.Option(
            "--rows",
            rich_help_panel=MEASURED,
            help="Look at every row and column: zero, constant, not finite, outlying.",
        ),
    ] = False,
    hashes: Annotated[
        bool,
        typer.Option(
            "--hash", rich_help_panel=MEASURED, help="Hash every tensor's bytes, and name copies."
        ),
    ] = False,
    spectrum: Annotated[
        bool,
        typer.Option(
            "--spectrum",
            rich_help_panel=MEASURED,
            help="Largest singular value, stable rank and distance from orthogonality.",
        ),
    ] = False,
    device: Annotated[
        str,
        typer.Option(
            metavar="cpu",
            rich_help_panel=MEASURED,
            help="The only one: nothing has been measured to be faster on a GPU.",
        ),
    ] = "cpu",
    jobs: options.Jobs = None,
) -> None:
    """Measures every tensor, and holds it against what a scheme implies."""
    from initcli.commands.stats import stats as run

    targets = targets_of(output or (), form, inputs=checkpoints)
    with progress() as shown:
        report = run(
            *checkpoints,
            select=select or (),
            exclude=exclude or (),
            scheme=scheme,
            bias=bias,
            parameters=parameters,
            recipe=recipe,
            layout=layout,
            settings=settings or (),
            model=model,
            arguments=arg or (),
            by=by,
            sort=sort,
            top=top,
            columns=columns,
            alpha=alpha,
            fail_on=fail_on,
            strict=strict,
            rows=rows,
            hashes=hashes,
            spectrum=spectrum,
            device=device,
            detail=any(one.form in FOR_MACHINES for one in targets),
            jobs=jobs,
            progress=shown,
        )
    deliver(report, targets, inputs=report.files, wide=wide)
