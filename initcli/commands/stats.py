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
from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean, plural
from initcli.engine.local import default_jobs
from initcli.formats.checkpoint import Checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.roles import roles_of
from initcli.recipes.selector import Selector
from initcli.reports.stats import Opened, StatsReport
from initcli.reports.table import Column, Table, choose_columns, sort_rows
from initcli.reports.tensor_row import (
    COLUMNS,
    METADATA_KEYS,
    TensorRow,
    pooled_row,
    tensor_row,
)
from initcli.statistics.summary import Summary
from initcli.theory.judge import cannot_judge, holm, judge

GROUPS = ("layer", "dtype")


def stats(
    *paths: str | Path,
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    scheme: str | None = None,
    bias: str | None = None,
    parameters: Mapping[str, str] | None = None,
    by: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    columns: str | None = None,
    alpha: float = 1e-3,
    fail_on: str = "error",
    strict: bool = False,
    jobs: int | None = None,
) -> StatsReport:
    """Measures every selected tensor and, given a scheme, holds it against the scheme's law.

    Args:
        paths: Checkpoints: safetensors files, sharded indexes, or directories with either.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        scheme: What weights are expected to follow, such as `kaiming_normal(mode=fan_out)`.
        bias: What biases are expected to follow.
        parameters: Further parameters of the scheme, by name.
        by: `layer` or `dtype`: one row a group.
        sort: A column: numbers largest first, text from A; `-column` reverses.
        top: How many rows to show.
        columns: Comma-separated keys, or `+key,-key` to change the default.
        alpha: The chance that any tensor of a checkpoint drawn by the scheme is found off.
        fail_on: The lightest finding that fails: `warning`, `error` or `never`.
        strict: Whether what could not be checked fails too.
        jobs: Threads; by default as many as cores.

    Returns:
        The report; `report.passed` is the gate.

    Raises:
        InitcliError: A path cannot be read, or an argument means nothing.
    """
    if not paths:
        raise OptionError("no checkpoint is given")
    require_positive(top=top, jobs=jobs)
    gate = _check_options(by, fail_on, alpha)
    plan = Plan.of(scheme, bias, parameters, Selector.of(select, exclude))
    checkpoints = [open_checkpoint(path) for path in dict.fromkeys(map(Path, paths))]
    ties = {alias: name for each in checkpoints for alias, name in each.ties.items()}
    names = chain(*(each.tensors for each in checkpoints))
    chosen = set(plan.selector.choose_tied(names, ties))
    values = _needs_values(columns, sort) or plan.has_schemes or strict
    seen = [
        one
        for checkpoint in checkpoints
        for one in _observe(checkpoint, plan, chosen, jobs or default_jobs(), values=values)
    ]
    seen = _with_rejections(seen, alpha)
    findings = tuple(run_checks(seen)) if values else ()
    total = pooled_row(plural(len(seen), "tensor"), seen)
    rows = _rows(seen, findings)
    shown = rows if by is None else _grouped(seen, by)
    notes = tuple(chain(*(checkpoint.notes for checkpoint in checkpoints)))
    return StatsReport(
        tuple(map(_opened, checkpoints)),
        rows,
        total,
        _table(shown, total, columns, sort, top),
        findings,
        notes,
        tuple(chain(*(checkpoint.files for checkpoint in checkpoints))),
        passes(findings, gate, strict=strict) and (bool(seen) or not strict),
        has_values=values,
    )


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


def _needs_values(columns: str | None, sort: str | None) -> bool:
    """Whether anything is asked for that a header does not tell."""
    keys = [*(columns or "+").split(","), *([sort.removeprefix("-")] if sort else [])]
    return not {key.strip() for key in keys} <= METADATA_KEYS


def _observe(
    checkpoint: Checkpoint, plan: Plan, chosen: set[str], jobs: int, *, values: bool
) -> list[Observation]:
    names = [name for name in checkpoint.tensors if name in chosen]
    measured = _measured(checkpoint, names, jobs) if values else dict.fromkeys(names)
    assignments: Mapping[str, Assignment] = {}
    if plan.has_schemes:
        assignments = plan.assign(checkpoint.specs, roles_of(checkpoint.specs), chosen)
    return [
        _judged(
            Observation(
                str(checkpoint.path), checkpoint.specs[name], measured[name], assignments.get(name)
            )
        )
        for name in names
    ]


def _measured(checkpoint: Checkpoint, names: Sequence[str], jobs: int) -> dict[str, Summary | None]:
    from initcli.engine.stream import summaries  # it brings NumPy, which headers do without

    return summaries(checkpoint, names, jobs)


def _judged(seen: Observation) -> Observation:
    draw = seen.assignment.draw if seen.assignment else None
    if draw is None or seen.summary is None or cannot_judge(draw.law, seen.summary):
        return seen
    return replace(seen, judgment=judge(draw.law, seen.spec.dtype, seen.summary))


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
        replace(tensor_row(one), findings=" ".join(found) if found else None)
        for one in seen
        for found in [codes.get((one.checkpoint, one.spec.name))]
    )


def _grouped(seen: Sequence[Observation], by: str) -> tuple[TensorRow, ...]:
    groups: dict[tuple[str, str], list[Observation]] = {}
    for one in seen:
        key = one.spec.dtype.code if by == "dtype" else one.spec.name.rpartition(".")[0]
        groups.setdefault((one.checkpoint, key or "(top)"), []).append(one)
    return tuple(
        replace(pooled_row(name, group), checkpoint=checkpoint)
        for (checkpoint, name), group in groups.items()
    )


def _table(
    rows: Sequence[TensorRow],
    total: TensorRow,
    columns: str | None,
    sort: str | None,
    top: int | None,
) -> Table:
    checkpoints = {row.checkpoint for row in rows}

    def is_present(column: Column) -> bool:
        if column.key == "checkpoint":
            return len(checkpoints) > 1
        always = column.key in {"name", "mean", "std"}
        return always or any(getattr(row, column.key) is not None for row in rows)

    shown = choose_columns(COLUMNS, columns, is_present)
    keys = [column.key for column in (shown if columns else COLUMNS)]
    return Table(shown, sort_rows(rows, COLUMNS, sort)[:top], tuple(keys), total)


def _opened(checkpoint: Checkpoint) -> Opened:
    return Opened(
        str(checkpoint.path),
        len(checkpoint.shards),
        len(checkpoint.tensors),
        sum(shard.size for shard in checkpoint.shards),
        checkpoint.metadata,
    )
