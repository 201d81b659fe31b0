"""`initcli compare` as a Typer command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from initcli.cli import gate_options, options
from initcli.cli.output import deliver, progress
from initcli.cli.targets import targets_of
from initcli.core.errors import OptionError
from initcli.reports import timeline_columns
from initcli.reports.compare_columns import COLUMNS, GROUP_COLUMNS

if TYPE_CHECKING:
    from initcli.reports.compare import CompareReport
    from initcli.reports.timeline import TimelineReport

JOINING = "What is compared with what"
_PAIR = 2
EXAMPLES = f"""
**Examples**

`initcli compare before.safetensors after.safetensors --only-changed`

`initcli compare original/ converted.safetensors --rtol 0 --atol 0`

`initcli compare original/ converted.safetensors --map '^module\\.=' --match transposed,fused`

`initcli compare base/ tuned/ --by role`

`initcli compare base/ tuned/ --spectrum --columns +ks,+max_ulp`

`initcli compare before.safetensors trained.safetensors after.safetensors --sort drift`

**In CI**: fail on an unexpected change

`initcli compare before.safetensors after.safetensors --exclude 'head.*' --format github`

**Columns** of two checkpoints: {options.keys_of(COLUMNS)}

**Columns** with --by layer, --by role: {options.keys_of(GROUP_COLUMNS)}

**Columns** of more: {options.keys_of(timeline_columns.COLUMNS)}

**Columns** with --by step: {options.keys_of(timeline_columns.STEP_COLUMNS)}
"""


def compare(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Two checkpoints; more are followed in a row, from the first.", metavar="A B [C]…"
        ),
    ],
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
        bool,
        typer.Option(
            "--equal-nan", help="NaN equals NaN; else only where all bytes of two tensors agree."
        ),
    ] = False,
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
    include_optimizer: options.IncludeOptimizer = False,
    only_changed: Annotated[
        bool,
        typer.Option(
            "--only-changed", rich_help_panel=options.OUTPUT, help="Leave out what is the same."
        ),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="layer|role|step",
            rich_help_panel=options.OUTPUT,
            help="One row a block, or a name but for numbers: where did training happen? Of "
            "more than two checkpoints, one row a step.",
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
    select_check: gate_options.SelectCheck = None,
    ignore_check: gate_options.IgnoreCheck = None,
    fail_on: gate_options.FailOn = None,
    strict: gate_options.Strict = None,
    config: gate_options.Config = None,
    no_config: gate_options.NoConfig = False,
    jobs: options.Jobs = None,
) -> None:
    """Says what differs between two checkpoints, or how far tensors came along more of them."""
    from initcli.commands.comparing.tolerance import parse_tolerances

    targets = targets_of(output or (), form, inputs=paths)
    if len(paths) < _PAIR:
        raise OptionError("there is nothing to compare with", hint="name two checkpoints or more")
    for_both: dict[str, Any] = {
        "rtol": rtol,
        "atol": atol,
        "tolerances": parse_tolerances(tolerance or ()),
        "equal_nan": equal_nan,
        "renames": rename or (),
        "select": select or (),
        "exclude": exclude or (),
        "include_optimizer": include_optimizer,
        "only_changed": only_changed,
        "by": by,
        "sort": sort,
        "top": top,
        "columns": columns,
        "select_check": select_check or (),
        "ignore_check": ignore_check or (),
        "fail_on": fail_on,
        "strict": strict,
        "config": gate_options.settings_file(config, no_config=no_config),
        "jobs": jobs,
    }
    for_two = {
        "match": match,
        "follow_renames": follow_renames,
        "check_dtype": check_dtype,
        "spectrum": spectrum,
    }
    with progress() as shown:
        for_both["progress"] = shown
        if len(paths) == _PAIR and by != "step":
            report = _compared(*paths, **for_both, **for_two)
        else:
            _refuse(for_two)
            report = _followed(*paths, **for_both)
    deliver(report, targets, inputs=report.files, wide=wide)


def _compared(*paths: Path, **arguments: Any) -> CompareReport | TimelineReport:  # noqa: ANN401 - the options as they were given
    from initcli.commands.compare import compare as run

    return run(*paths, **arguments)


def _followed(*paths: Path, **arguments: Any) -> CompareReport | TimelineReport:  # noqa: ANN401 - likewise
    from initcli.commands.timeline import timeline as run

    return run(*paths, **arguments)


def _refuse(for_two: dict[str, Any]) -> None:
    """Refuses what only a comparison of two understands."""
    for name, value in for_two.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} is for two checkpoints", hint="compare them two by two")
