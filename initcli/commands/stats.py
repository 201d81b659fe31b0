"""`initcli stats`: measures every tensor, and holds it against theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from initcli.checks.finding import Finding
from initcli.checks.gate import FailOn, passes
from initcli.checks.observation import Observation
from initcli.checks.registry import run_checks
from initcli.commands.arguments import require_positive
from initcli.commands.observe import observe
from initcli.commands.opening import open_all
from initcli.commands.request import Request, Show
from initcli.commands.whole import look_at_whole
from initcli.core.errors import OptionError
from initcli.core.progress import SILENT, Progress
from initcli.core.text import did_you_mean, plural
from initcli.models.source import Source
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Plan
from initcli.recipes.selector import Selector
from initcli.reports.describe import pooled_row, tensor_row
from initcli.reports.stats import StatsReport
from initcli.reports.table import Column, Table, choose_columns, sort_rows
from initcli.reports.tensor_columns import COLUMNS, UNPOOLED_KEYS
from initcli.reports.tensor_row import TensorRow
from initcli.theory.judge import holm

GROUPS = ("layer", "dtype")


def stats(
    *paths: str | Path,
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    scheme: str | None = None,
    bias: str | None = None,
    parameters: Mapping[str, str] | None = None,
    recipe: str | None = None,
    layout: str | None = None,
    settings: Sequence[str] = (),
    model: str | None = None,
    arguments: Sequence[str] = (),
    by: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    columns: str | None = None,
    alpha: float = 1e-3,
    fail_on: str = "error",
    strict: bool = False,
    rows: bool = False,
    hashes: bool = False,
    spectrum: bool = False,
    device: str = "cpu",
    detail: bool = True,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> StatsReport:
    """Measures every selected tensor and, given a scheme, holds it against the scheme's law.

    Args:
        paths: Checkpoints: safetensors files, sharded indexes, or directories with either.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        scheme: What weights are expected to follow, such as `kaiming_normal(mode=fan_out)`.
        bias: What biases are expected to follow.
        parameters: Further parameters of the scheme, by name.
        recipe: A built-in recipe's name, or a TOML file's, whose rules are expected instead.
        layout: How units lie in what the scheme is expected of, such as `conv(groups=4)`.
        settings: What names in formulas stand for, `n_layer=12` each.
        model: What the checkpoint is of, `path/to/file.py:factory` or a `config.json`: its
            modules tell fans that no file does, such as those of groups and strides, and its
            names and shapes must be the checkpoint's.
        arguments: For the factory, `name=value` each.
        by: `layer` or `dtype`: one row a group.
        sort: A column: numbers largest first, text from A; `-column` reverses.
        top: How many rows to show.
        columns: Comma-separated keys, or `+key,-key` to change the default.
        alpha: The chance that any tensor of a checkpoint drawn by the scheme is found off.
        fail_on: The lightest finding that fails: `warning`, `error` or `never`.
        strict: Whether what could not be checked fails too.
        rows: Whether to look at every row and column: zero, constant, not finite, outlying.
        hashes: Whether to hash every tensor, by which copies are found.
        spectrum: Whether to compute singular values, for which matrices are read again.
        device: `cpu`; nothing here has been measured to be faster elsewhere.
        detail: Whether quantiles and histograms are computed even if no column shows them.
        jobs: Threads; by default as many as cores.
        progress: Told of every byte read.

    Returns:
        The report; `report.passed` is the gate. `report.failures` are not empty where some of
        the paths, or a part of one, cannot be read.

    Raises:
        InitcliError: No path can be read, or an argument means nothing.
    """
    if not paths:
        raise OptionError("no checkpoint is given")
    require_positive(top=top, jobs=jobs)
    gate = _check_options(by, fail_on, alpha)
    _check_device(device)
    show = Show(columns, sort, top, by, spectrum)
    show.check()
    asked = Asked(scheme, bias, parameters, recipe, layout, settings)
    plan = Plan.of(asked, Selector.of(select, exclude))
    of_model = _model(model, arguments)
    opening = open_all(paths)
    chosen = opening.choose(plan.selector)
    request = Request.of(
        show,
        rows=rows,
        hashes=hashes,
        detail=detail,
        values=plan.has_schemes or strict,
        jobs=jobs,
        progress=progress,
    )
    if request.values:
        progress.start(opening.size_of(chosen))
    known = of_model.layers if of_model else {}
    observed = [observe(each, plan, chosen, request, known) for each in opening.checkpoints]
    judged = _with_rejections([one for each, _ in observed for one in each], alpha)
    whole = look_at_whole(opening, judged, plan.selector, of_model, request)
    progress.finish()
    seen = whole.seen
    findings = tuple(run_checks([*whole.contents, *(seen if request.values else ())]))
    total = pooled_row(plural(len(seen), "tensor"), seen)
    every = _rows(seen, findings)
    shown = every if by is None else _grouped(seen, by)
    return StatsReport(
        opening.described,
        every,
        total,
        _table(shown, total, request, show),
        findings,
        (
            *opening.notes,
            *dict.fromkeys(chain(*(notes for _, notes in observed))),
            *whole.notes,
        ),
        opening.files,
        passes(findings, gate, strict=strict) and not opening.failures,
        has_values=request.values,
        failures=opening.failures,
    )


def _model(model: str | None, arguments: Sequence[str]) -> Source | None:
    if model is None:
        if arguments:
            raise OptionError("--arg is for a factory, and no --model is given")
        return None
    from initcli.models.open_source import open_model  # it may bring torch

    return open_model(model, arguments)


def _check_options(by: str | None, fail_on: str, alpha: float) -> FailOn:
    if by is not None and by not in GROUPS:
        hint = did_you_mean(by, GROUPS) or f"one of {', '.join(GROUPS)}"
        raise OptionError(f"cannot group by {by!r}", hint=hint)
    if not 0 < alpha < 1:
        raise OptionError(f"alpha is a probability, not {alpha}")
    known = [each.value for each in FailOn]
    if fail_on not in known:
        hint = did_you_mean(fail_on, known) or f"one of {', '.join(known)}"
        raise OptionError(f"cannot fail on {fail_on!r}", hint=hint)
    return FailOn(fail_on)


def _check_device(device: str) -> None:
    if device == "cuda":
        message = "no statistic is computed on CUDA: none has been measured to be faster there"
        raise OptionError(message, hint="leave --device out")
    if device != "cpu":
        raise OptionError(f"unknown device {device!r}", hint="the only one is cpu")


def _with_rejections(seen: Sequence[Observation], alpha: float) -> list[Observation]:
    """Marks what is off, with one family-wise error over both tests of every tensor."""
    judged = [one for one in seen if one.judgment]
    scores = [
        score
        for one in judged
        if one.judgment
        for score in (one.judgment.mean, one.judgment.variance)
    ]
    rejected = iter(holm([score.p for score in scores], alpha))
    return [
        replace(one, mean_off=next(rejected), variance_off=next(rejected)) if one.judgment else one
        for one in seen
    ]


def _rows(seen: Sequence[Observation], findings: Sequence[Finding]) -> tuple[TensorRow, ...]:
    codes: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        codes.setdefault((finding.checkpoint, finding.tensor), []).append(finding.code)
    return tuple(
        tensor_row(one, findings=" ".join(codes.get((one.checkpoint, one.spec.name), ())) or None)
        for one in seen
    )


def _grouped(seen: Sequence[Observation], by: str) -> tuple[TensorRow, ...]:
    groups: dict[tuple[str, str], list[Observation]] = {}
    for one in seen:
        key = one.spec.dtype.code if by == "dtype" else one.spec.name.rpartition(".")[0]
        groups.setdefault((one.checkpoint, key or "(top)"), []).append(one)
    return tuple(
        pooled_row(name, group, checkpoint) for (checkpoint, name), group in groups.items()
    )


def _table(rows: Sequence[TensorRow], total: TensorRow, request: Request, show: Show) -> Table:
    checkpoints = {row.checkpoint for row in rows}

    def is_present(column: Column) -> bool:
        if column.key == "checkpoint":
            return len(checkpoints) > 1
        always = column.key in {"name", "mean", "std"}
        return always or any(getattr(row, column.key) is not None for row in rows)

    shown = choose_columns(COLUMNS, show.columns, is_present)
    empty = UNPOOLED_KEYS if show.by else request.unmeasured_keys
    every = [each for each in COLUMNS if each.key not in empty]
    keys = tuple(column.key for column in (shown if show.columns else every))
    return Table(shown, sort_rows(rows, COLUMNS, show.sort)[: show.top], keys, total)
