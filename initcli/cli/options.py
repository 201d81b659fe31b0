"""Options that several commands share, each written once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from initcli.cli import completion
from initcli.render.formats import Format
from initcli.reports.table import Column
from initcli.schemes.registry import SCHEMES, Parameter

CHOICE = "Which tensors"
THEORY = "Theory"
PARAMETERS = "Scheme parameters"
_FEW = 3
OUTPUT = "Output"


Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        "-s",
        metavar="PATTERN",
        rich_help_panel=CHOICE,
        help="Only tensors whose name matches; a glob, or a regex after re: (repeatable).",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        "-x",
        metavar="PATTERN",
        rich_help_panel=CHOICE,
        help="No tensors whose name matches (repeatable).",
    ),
]
IncludeOptimizer = Annotated[
    bool,
    typer.Option(
        "--include-optimizer",
        rich_help_panel=CHOICE,
        help="Tensors of an optimizer's state too, which PyTorch files may hold.",
    ),
]
SchemeName = Annotated[
    str | None,
    typer.Option(
        "--scheme",
        metavar="SCHEME",
        rich_help_panel=THEORY,
        autocompletion=completion.scheme,
        help="For weights: a name, or 'kaiming_normal(mode=fan_out)'; see initcli schemes.",
    ),
]
Bias = Annotated[
    str | None,
    typer.Option(
        "--bias",
        metavar="SCHEME",
        rich_help_panel=THEORY,
        autocompletion=completion.scheme,
        help="For biases; without it none is drawn, or expected.",
    ),
]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="NAME|FILE",
        rich_help_panel=THEORY,
        autocompletion=completion.recipe,
        help="Rules for every tensor, instead of --scheme and --bias: see initcli recipes.",
    ),
]
LayoutText = Annotated[
    str | None,
    typer.Option(
        "--layout",
        metavar="LAYOUT",
        rich_help_panel=THEORY,
        help="How the scheme's tensors are laid out, for fans=layer: linear, in_out, "
        "conv(groups=4), conv_transpose(stride=2), embedding; with parts=3, stacked=1.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=NUMBER",
        rich_help_panel=THEORY,
        help="What a name in a formula stands for, such as n_layer=12 (repeatable).",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="SOURCE",
        rich_help_panel=THEORY,
        help="What the checkpoint is of, file.py:factory or a config.json: its names and shapes "
        "must be the file's, and its modules tell fans that no file does (groups, strides).",
    ),
]
FactoryArguments = Annotated[
    list[str] | None,
    typer.Option("--arg", metavar="NAME=VALUE", help="For the factory (repeatable)."),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="KEYS",
        rich_help_panel=OUTPUT,
        help="name,std,… or +key,-key to add to and take from the default.",
    ),
]
Sort = Annotated[
    str | None,
    typer.Option(
        "--sort",
        metavar="KEY",
        rich_help_panel=OUTPUT,
        help="Numbers largest first, text from A; -KEY reverses.",
    ),
]
Top = Annotated[
    int | None,
    typer.Option("--top", min=1, metavar="N", rich_help_panel=OUTPUT, help="Only N rows."),
]
Form = Annotated[
    Format | None,
    typer.Option(
        "--format",
        rich_help_panel=OUTPUT,
        help="Of what goes to stdout, or to a FILE without FORM; by default a table there.",
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        "-o",
        "--output",
        metavar="[FORM:]FILE",
        rich_help_panel=OUTPUT,
        help="Write there, by default in the form that its ending implies; - is stdout "
        "(repeatable).",
    ),
]
ReportFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="[FORM:]FILE",
        rich_help_panel=OUTPUT,
        help="Write the report there, by default in the form that its ending implies; - is "
        "stdout (repeatable).",
    ),
]
Wide = Annotated[
    bool,
    typer.Option(
        "--wide",
        rich_help_panel=OUTPUT,
        help="Drop no column of the table, however narrow the terminal.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, metavar="N", help="Threads; by default one a core."),
]


def keys_of(columns: Sequence[Column]) -> str:
    """Returns the keys that --columns and --sort take, for the help."""
    return ", ".join(column.key for column in columns)


def with_scheme_parameters(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command one option for every parameter that any scheme has.

    The command receives what was given as its argument `parameters`.
    """
    known = {name: each for scheme in SCHEMES.values() for name, each in scheme.parameters.items()}
    hints = get_type_hints(command, include_extras=True) | {
        name: _annotation(parameter) for name, parameter in known.items()
    }

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:  # noqa: ANN401 - Typer passes what it parsed
        chosen = {name: given.pop(name) for name in known}
        parameters = {name: value for name, value in chosen.items() if value is not None}
        command(**given, parameters=parameters)

    own = [
        each for each in inspect.signature(command).parameters.values() if each.name != "parameters"
    ]
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in known
    ]
    every = [each.replace(annotation=hints[each.name]) for each in (*own, *extra)]
    wrapper.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in every}
    return wrapper


_FLAG = ("true", "false")


def _annotation(parameter: Parameter) -> Any:  # noqa: ANN401 - an annotation is any object
    is_choice = get_origin(parameter.type) is Literal
    choices = get_args(parameter.type) if is_choice else _FLAG if parameter.type is bool else ()
    metavar = "|".join(choices) if 0 < len(choices) <= _FEW else "NAME" if choices else "NUMBER"
    users = ", ".join(name for name, each in SCHEMES.items() if parameter.name in each.parameters)
    option = typer.Option(
        f"--{parameter.name}", metavar=metavar, rich_help_panel=PARAMETERS, help=f"Of {users}."
    )
    return Annotated[str | None, option]
