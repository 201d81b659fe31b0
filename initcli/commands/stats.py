"""`initcli stats`: measures every tensor, and holds it against theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from initcli.checks.contents import Contents
from initcli.checks.drift import Drifted
from initcli.checks.finding import Finding
from initcli.checks.observation import Observation
from initcli.checks.registry import codes_of, needed, run_checks
from initcli.commands.against_baseline import drift_of, known_of, with_known
from initcli.commands.arguments import require_positive
from initcli.commands.criteria import Criteria
from initcli.commands.observe import observe
from initcli.commands.rejections import with_rejections
from initcli.commands.request import Request, Show
from initcli.core.errors import OptionError
from initcli.core.progress import SILENT, Progress
from initcli.core.text import did_you_mean, plural
from initcli.formats.checkpoint import Checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Plan
from initcli.recipes.selector import Selector
from initcli.reports.baseline import Baseline, Known, read_baseline
from initcli.reports.describe import pooled_row, tensor_row
from initcli.reports.stats import Opened, StatsReport
from initcli.reports.table import Column, Table, choose_columns, sort_rows
from initcli.reports.tensor_columns import COLUMNS, UNPOOLED_KEYS
from initcli.reports.tensor_row import TensorRow
from initcli.schemes.layer import Layer

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
    alpha: float | None = None,
    tolerance: float | None = None,
    select_check: Sequence[str] | str = (),
    ignore_check: Sequence[str] | str = (),
    fail_on: str | None = None,
    strict: bool | None = None,
    config: str | Path | None = None,
    baseline: str | Path | None = None,
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
            modules tell fans that no file does, such as those of groups and strides.
        arguments: For the factory, `name=value` each.
        by: `layer` or `dtype`: one row a group.
        sort: A column: numbers largest first, text from A; `-column` reverses.
        top: How many rows to show.
        columns: Comma-separated keys, or `+key,-key` to change the default.
        alpha: The chance that any tensor of a checkpoint drawn by the scheme is found off; by
            default 0.001.
        tolerance: How far off is no matter, whatever the number of values: of the standard
            deviation for the mean, of itself for the variance; by default 0.001.
        select_check: Codes, or their beginnings, of the checks to ask; by default all.
        ignore_check: Codes, or their beginnings, of those not to ask.
        fail_on: The lightest finding that fails: `warning`, `error`, the default, or `never`.
        strict: Whether what could not be checked fails too.
        config: A settings file, which holds where an option says nothing.
        baseline: A report of an earlier run as JSON: what it found already fails nothing, and
            statistics that moved from it by more than their sampling errors do.
        rows: Whether to look at every row and column: zero, constant, not finite, outlying.
        hashes: Whether to hash every tensor, by which copies are found.
        spectrum: Whether to compute singular values, for which matrices are read again.
        device: `cpu`; nothing here has been measured to be faster elsewhere.
        detail: Whether quantiles and histograms are computed even if no column shows them.
        jobs: Threads; by default as many as cores.
        progress: Told of every byte read.

    Returns:
        The report; `report.passed` is the gate.

    Raises:
        InitcliError: A path cannot be read, or an argument means nothing.
    """
    if not paths:
        raise OptionError("no checkpoint is given")
    require_positive(top=top, jobs=jobs)
    _check_group(by)
    criteria = Criteria.of(
        config,
        select_check=select_check,
        ignore_check=ignore_check,
        fail_on=fail_on,
        strict=strict,
        alpha=alpha,
        tolerance=tolerance,
    )
    _check_device(device)
    show = Show(columns, sort, top, by, spectrum)
    show.check()
    asked = Asked(scheme, bias, parameters, recipe, layout, settings)
    earlier = None if baseline is None else read_baseline(Path(baseline))
    needs = needed(criteria.policy)
    plan = Plan.of(asked, Selector.of(select, exclude))
    known = _known(model, arguments)
    checkpoints = [open_checkpoint(path) for path in dict.fromkeys(map(Path, paths))]
    ties = {alias: name for each in checkpoints for alias, name in each.ties.items()}
    names = chain(*(each.tensors for each in checkpoints))
    chosen = set(plan.selector.choose_tied(names, ties))
    request = Request.of(
        show,
        rows=rows or "rows" in needs,
        hashes=hashes or "hashes" in needs,
        detail=detail or earlier is not None,
        values=plan.has_schemes or criteria.gate.strict or earlier is not None,
        jobs=jobs,
        progress=progress,
    )
    if request.values:
        progress.start(_size(checkpoints, chosen))
    observed = [observe(each, plan, chosen, request, known) for each in checkpoints]
    seen = [one for observations, _ in observed for one in observations]
    progress.finish()
    seen = with_rejections(seen, criteria.alpha, criteria.tolerance)
    subjects = [
        *seen,
        *_contents(seen),
        *(() if earlier is None else _drifted(earlier, seen, plan.selector, criteria)),
    ]
    findings = tuple(run_checks(subjects, criteria.policy)) if request.values else ()
    if earlier is not None:
        findings = tuple(with_known(findings, earlier))
    total = pooled_row(plural(len(seen), "tensor"), seen)
    every = _rows(seen, findings)
    shown = every if by is None else _grouped(seen, by)
    return StatsReport(
        tuple(map(_opened, checkpoints)),
        every,
        total,
        _table(shown, total, request, show),
        findings,
        (
            *criteria.notes,
            *chain(*(checkpoint.notes for checkpoint in checkpoints)),
            *dict.fromkeys(chain(*(notes for _, notes in observed))),
        ),
        tuple(chain(*(checkpoint.files for checkpoint in checkpoints))),
        criteria.passes(findings) and (bool(seen) or not criteria.gate.strict),
        has_values=request.values,
        asked=codes_of(Observation, Contents, policy=criteria.policy) if request.values else (),
        gate=criteria.gate,
    )


def _drifted(
    earlier: Baseline, seen: Sequence[Observation], selector: Selector, criteria: Criteria
) -> list[Drifted]:
    """Holds every checkpoint against the baseline, but for tensors that are not selected."""
    before = {name: known for name, known in earlier.tensors.items() if selector.matches(name)}
    after: dict[str, dict[str, Known]] = {}
    for one in seen:
        after.setdefault(one.checkpoint, {})[one.spec.name] = known_of(one)
    return [
        drifted
        for checkpoint, tensors in after.items()
        for drifted in drift_of(
            checkpoint, before, tensors, alpha=criteria.alpha, tolerance=criteria.tolerance
        )
    ]


def _known(model: str | None, arguments: Sequence[str]) -> Mapping[str, Layer]:
    if model is None:
        if arguments:
            raise OptionError("--arg is for a factory, and no --model is given")
        return {}
    from initcli.models.open_source import layers_of_model  # it may bring torch

    return layers_of_model(model, arguments)


def _size(checkpoints: Sequence[Checkpoint], chosen: set[str]) -> int:
    """Returns the bytes to read."""
    return sum(
        spec.nbytes
        for each in checkpoints
        for name, spec in each.specs.items()
        if name in chosen and spec.dtype.is_decoded
    )


def _check_group(by: str | None) -> None:
    if by is not None and by not in GROUPS:
        hint = did_you_mean(by, GROUPS) or f"one of {', '.join(GROUPS)}"
        raise OptionError(f"cannot group by {by!r}", hint=hint)


def _check_device(device: str) -> None:
    if device == "cuda":
        message = "no statistic is computed on CUDA: none has been measured to be faster there"
        raise OptionError(message, hint="leave --device out")
    if device != "cpu":
        raise OptionError(f"unknown device {device!r}", hint="the only one is cpu")


def _contents(seen: Sequence[Observation]) -> list[Contents]:
    together: dict[str, list[Observation]] = {}
    for one in seen:
        together.setdefault(one.checkpoint, []).append(one)
    return [Contents(checkpoint, observations) for checkpoint, observations in together.items()]


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


def _opened(checkpoint: Checkpoint) -> Opened:
    return Opened(
        str(checkpoint.path),
        len(checkpoint.shards),
        len(checkpoint.tensors),
        sum(shard.size for shard in checkpoint.shards),
        checkpoint.metadata,
    )
