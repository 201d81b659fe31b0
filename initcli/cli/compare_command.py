"""`initcli compare` as a Typer command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from initcli.cli import options
from initcli.cli.output import deliver, progress
from initcli.cli.targets import targets_of
from initcli.reports.compare_columns import COLUMNS

EXAMPLES = f"""
**Examples**

`initcli compare before.safetensors after.safetensors --only-changed`

`initcli compare original/ converted.safetensors --rtol 0 --atol 0`

`initcli compare base/ tuned/ --by role`

`initcli compare base/ tuned/ --spectrum --columns +ks,+max_ulp`

**In CI**: fail on an unexpected change

`initcli compare before.safetensors after.safetensors --exclude 'head.*' --format github`

**Columns**: {options.keys_of(COLUMNS)}
"""


def compare(
    a: Annotated[Path, typer.Argument(help="A checkpoint.", metavar="A")],
    b: Annotated[Path, typer.Argument(help="Another.", metavar="B")],
    rtol: Annotated[
        float | None,
        typer.Option(
            help="Values agree if |a − b| ≤ atol + rtol·|b|; by default torch's for the dtype."
        ),
    ] = None,
    atol: Annotated[
        float | None, typer.Option(help="Given one of the two, the other is 0.")
    ] = None,
    equal_nan: Annotated[
        bool, typer.Option("--equal-nan", help="NaN equals NaN, which else equals nothing.")
    ] = False,
    check_dtype: Annotated[
        bool,
        typer.Option(
            "--check-dtype", help="Unequal dtypes are a difference even if the values are equal."
        ),
    ] = False,
    select: options.Select = None,
    exclude: options.Exclude = None,
    only_changed: Annotated[
        bool,
        typer.Option(
            "--only-changed", rich_help_panel=options.OUTPUT, help="Leave out what is the same."
        ),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="layer|role",
            rich_help_panel=options.OUTPUT,
            help="One row a block, or a name but for numbers: where did training happen?",
        ),
    ] = None,
    spectrum: Annotated[
        bool,
        typer.Option(
            "--spectrum",
            help="Spectral norm and rank of B − A: does it look like a merged adapter?",
        ),
    ] = False,
    sort: options.Sort = None,
    top: options.Top = None,
    columns: options.Columns = None,
    wide: options.Wide = False,
    form: options.Form = None,
    output: options.Output = None,
    jobs: options.Jobs = None,
) -> None:
    """Says what differs between two checkpoints, tensor by tensor."""
    from initcli.commands.compare import compare as run

    targets = targets_of(output or (), form, inputs=(a, b))
    with progress() as shown:
        report = run(
            a,
            b,
            rtol=rtol,
            atol=atol,
            equal_nan=equal_nan,
            select=select or (),
            exclude=exclude or (),
            check_dtype=check_dtype,
            only_changed=only_changed,
            by=by,
            spectrum=spectrum,
            sort=sort,
            top=top,
            columns=columns,
            jobs=jobs,
            progress=shown,
        )
    deliver(report, targets, inputs=report.files, wide=wide)
