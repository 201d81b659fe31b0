"""`initcli compare` as a Typer command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from initcli.cli import options
from initcli.cli.output import deliver, form_of, progress
from initcli.reports.compare_columns import COLUMNS

JOINING = "What is compared with what"
EXAMPLES = f"""
**Examples**

`initcli compare before.safetensors after.safetensors --only-changed`

`initcli compare original/ converted.safetensors --rtol 0 --atol 0`

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
    check_dtype: Annotated[
        bool,
        typer.Option(
            "--check-dtype", help="Unequal dtypes are a difference even if the values are equal."
        ),
    ] = False,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN=RTOL,ATOL",
            help="For tensors whose name matches; the last that does holds (repeatable).",
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="REGEX=REPLACEMENT",
            rich_help_panel=JOINING,
            help=r"Rename B's tensors: '^module\.=' takes a prefix off; \1 is the first group, "
            "and the last = parts the two (repeatable, in order).",
        ),
    ] = None,
    follow_renames: Annotated[
        bool,
        typer.Option(
            "--follow-renames",
            rich_help_panel=JOINING,
            help="Rename as would be proposed: by prefixes, and by equal bytes.",
        ),
    ] = False,
    match: Annotated[
        str,
        typer.Option(
            metavar="transposed,fused",
            rich_help_panel=JOINING,
            help="Recognise transposed matrices, and q, k, v (gate, up) fused in one tensor.",
        ),
    ] = "",
    select: options.Select = None,
    exclude: options.Exclude = None,
    only_changed: Annotated[
        bool,
        typer.Option(
            "--only-changed", rich_help_panel=options.OUTPUT, help="Leave out what is the same."
        ),
    ] = False,
    sort: options.Sort = None,
    top: options.Top = None,
    columns: options.Columns = None,
    wide: options.Wide = False,
    form: options.Form = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", rich_help_panel=options.OUTPUT, help="Write there."
        ),
    ] = None,
    jobs: options.Jobs = None,
) -> None:
    """Says what differs between two checkpoints, tensor by tensor."""
    from initcli.commands.compare import compare as run
    from initcli.commands.tolerance import parse_tolerances

    chosen = form_of(output, form)
    with progress() as shown:
        report = run(
            a,
            b,
            rtol=rtol,
            atol=atol,
            tolerances=parse_tolerances(tolerance or ()),
            renames=rename or (),
            follow_renames=follow_renames,
            match=match,
            select=select or (),
            exclude=exclude or (),
            check_dtype=check_dtype,
            only_changed=only_changed,
            sort=sort,
            top=top,
            columns=columns,
            jobs=jobs,
            progress=shown,
        )
    deliver(report, chosen, output, inputs=report.files, wide=wide)
