"""`initcli stats` as a Typer command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from initcli.cli import gate_options, options
from initcli.cli.output import FOR_CI, FOR_MACHINES, deliver, progress
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
        typer.Argument(
            help="A file of any format that the README lists, a sharded index, or a directory."
        ),
    ],
    select: options.Select = None,
    exclude: options.Exclude = None,
    include_optimizer: options.IncludeOptimizer = False,
    scheme: options.SchemeName = None,
    bias: options.Bias = None,
    recipe: options.Recipe = None,
    layout: options.LayoutText = None,
    settings: options.Settings = None,
    model: options.Model = None,
    arg: options.FactoryArguments = None,
    parameters: dict[str, str] | None = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=options.THEORY,
            help="Chance that any tensor drawn by its scheme is found off; by default 0.001.",
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=options.THEORY,
            help="What departs less from theory, as a share of the standard deviation or the "
            "variance, is no finding; by default 0.001.",
        ),
    ] = None,
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
    select_check: gate_options.SelectCheck = None,
    ignore_check: gate_options.IgnoreCheck = None,
    fail_on: gate_options.FailOn = None,
    strict: gate_options.Strict = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=gate_options.PANEL,
            help="A report of an earlier run as JSON: only what it does not know of fails, and "
            "what moved beyond its sampling error.",
        ),
    ] = None,
    config: gate_options.Config = None,
    no_config: gate_options.NoConfig = False,
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
    identify: Annotated[
        bool,
        typer.Option(
            "--identify",
            rich_help_panel=MEASURED,
            help="Which initialisation does each tensor carry: structure, the set of schemes that "
            "its values are consistent with, or none.",
        ),
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            rich_help_panel=MEASURED,
            help="With --identify: look at the places of up to 2²³ values a matrix, not 2¹⁸.",
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
            tolerance=tolerance,
            select_check=select_check or (),
            ignore_check=ignore_check or (),
            fail_on=fail_on,
            strict=strict,
            baseline=baseline,
            config=gate_options.settings_file(config, no_config=no_config),
            include_optimizer=include_optimizer,
            rows=rows,
            hashes=hashes,
            spectrum=spectrum,
            identify=identify,
            exact=exact,
            device=device,
            check=any(one.form in FOR_CI for one in targets),
            detail=any(one.form in FOR_MACHINES for one in targets),
            jobs=jobs,
            progress=shown,
        )
    deliver(report, targets, inputs=report.files, wide=wide)
