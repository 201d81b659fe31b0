"""`initcli compare` of more than two checkpoints: how far each tensor came along them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from initcli.checks.contents import Contents
from initcli.checks.difference import Departure
from initcli.checks.finding import Finding
from initcli.checks.registry import codes_of, run_checks
from initcli.commands.arguments import require_positive
from initcli.commands.comparing.operand import Operand, open_operand
from initcli.commands.comparing.steps import in_order, labels_of
from initcli.commands.comparing.timeline_rows import Followed, step_rows, tensor_row
from initcli.commands.comparing.tolerance import EXACT, ByPattern, Tolerances
from initcli.commands.gating.criteria import Criteria
from initcli.core.errors import OptionError
from initcli.core.progress import SILENT, Progress
from initcli.core.text import did_you_mean, plural, visible
from initcli.engine.local import default_jobs
from initcli.engine.strands import Strand, courses
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.recipes.renames import Rename
from initcli.recipes.selector import Selector
from initcli.reports.baseline import is_report
from initcli.reports.choice import choose_columns, refuse_unknown, sort_rows
from initcli.reports.table import Column, Table
from initcli.reports.timeline import StepRow, TimelineReport, TimelineRow
from initcli.reports.timeline_columns import COLUMNS, MATRIX_KEYS, STEP_COLUMNS

_LEAST = 2
GROUPS = ("step",)


def timeline(
    *paths: str | Path,
    rtol: float | None = None,
    atol: float | None = None,
    tolerances: ByPattern = (),
    equal_nan: bool = False,
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    renames: Sequence[str] = (),
    include_optimizer: bool = False,
    only_changed: bool = False,
    by: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    columns: str | None = None,
    select_check: Sequence[str] | str = (),
    ignore_check: Sequence[str] | str = (),
    fail_on: str | None = None,
    strict: bool | None = None,
    config: str | Path | None = None,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> TimelineReport:
    """Follows each tensor along checkpoints: from the first, and from each to the next.

    Every value of every checkpoint is read once. A tensor that a checkpoint lacks, or has in
    another shape, is followed along the others.

    Args:
        paths: Checkpoints, two at least, in order of time. Names sorted as a shell sorts them,
            step10 before step9, are taken in the order of their numbers, which a note says.
        rtol: The relative tolerance to the first, as in `compare`.
        atol: The absolute tolerance to the first.
        tolerances: Patterns of names, and what holds for them instead; the last that matches.
        equal_nan: Whether NaN equals NaN, whatever its bits.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        renames: What names become in all but the first, `REGEX=REPLACEMENT` each, in order.
        include_optimizer: Whether the state of optimizers in the files is followed too.
        only_changed: Whether to leave out what never changes.
        by: `step`: one row a checkpoint.
        sort: A column: numbers largest first, text from A; `-column` reverses.
        top: How many rows to show.
        columns: Comma-separated keys, or `+key,-key` to change the default.
        select_check: Codes, or their beginnings, of the checks to ask; by default all.
        ignore_check: Codes, or their beginnings, of those not to ask.
        fail_on: The lightest finding that fails: `warning`, `error`, the default, or `never`.
        strict: Whether what could not be compared fails too.
        config: A settings file, which holds where an option says nothing.
        jobs: Threads; by default as many as cores.
        progress: Told of every byte read.

    Returns:
        The report; `report.passed` is the gate.

    Raises:
        InitcliError: A path cannot be read, or an argument means nothing.
    """
    require_positive(top=top, jobs=jobs)
    known = _known_columns(by)
    refuse_unknown(known, columns, sort)
    if len(paths) < _LEAST:
        raise OptionError("a timeline has at least two checkpoints")
    for path in paths:
        if is_report(Path(path)):
            where = visible(str(path), 300)
            raise OptionError("a report is compared with one checkpoint only", where=where)
    criteria = Criteria.of(
        config,
        select_check=select_check,
        ignore_check=ignore_check,
        fail_on=fail_on,
        strict=strict,
    )
    criteria.refuse_idle(Contents, Departure)
    allowed = Tolerances.of(rtol, atol, tolerances, equal_nan=equal_nan, said=criteria.settings)
    parsed = [Rename.parse(text) for text in renames]
    ordered, notes = in_order([str(path) for path in paths])
    operands = [
        open_operand(each, parsed if i else (), include_optimizer=include_optimizer)
        for i, each in enumerate(ordered)
    ]
    names = _chosen(operands, Selector.of(select, exclude))
    allowed.refuse_idle(list(chain(*(each.names.values() for each in operands))))
    followed = _followed(operands, names, allowed, jobs or default_jobs(), progress)
    progress.finish()
    labels = labels_of(ordered)
    rows = tuple(tensor_row(each, labels, allowed) for each in followed)
    steps = tuple(step_rows(followed, labels, allowed))
    shown: Sequence[TimelineRow | StepRow] = steps if by else rows
    if only_changed:
        shown = [row for row in shown if _is_worth_showing(row)]
    failures = tuple(chain(*(each.failures for each in operands)))
    findings = _findings(rows, operands, criteria)
    return TimelineReport(
        dict(zip(labels, ordered, strict=True)),
        rows,
        steps,
        _table(shown, known, columns, sort, top),
        (*criteria.notes, *notes, *chain(*(each.notes for each in operands))),
        tuple(chain(*(each.checkpoint.files for each in operands))),
        criteria.passes(findings) and not failures,
        findings,
        failures,
        codes_of(Departure, policy=criteria.policy),
        criteria.gate,
        by,
    )


def _findings(
    rows: Sequence[TimelineRow], operands: Sequence[Operand], criteria: Criteria
) -> tuple[Finding, ...]:
    contents = (each.contents for each in operands)
    last = str(operands[-1].checkpoint.path)
    departures = (Departure(last, row.name, _departure(row)) for row in rows)
    return tuple(run_checks((*contents, *departures), criteria.policy))


def _departure(row: TimelineRow) -> str:
    """Says how a tensor departs from the first checkpoint; nothing if it stays within tolerance."""
    if row.within == "yes":
        return ""
    absent = f"not to be compared in {row.absent:,} of {row.absent + row.checkpoints:,}"
    moved = f"relative drift {row.drift:.4g}" if row.drift is not None else ""
    farthest = f"{row.drift_max:.4g} at {row.drift_max_at}" if row.drift_max_at else ""
    hurt = f"{plural(row.incomparable, 'pair')} NaN or infinite" if row.incomparable else ""
    parts = (absent if row.absent else "", moved, farthest and f"at most {farthest}", hurt)
    return ", ".join(filter(None, parts)) or "it differs"


def _known_columns(by: str | None) -> tuple[Column, ...]:
    if by is None:
        return COLUMNS
    if by not in GROUPS:
        hint = did_you_mean(by, GROUPS) or "step: one row a checkpoint"
        raise OptionError(f"cannot group a timeline by {by!r}", hint=hint)
    return STEP_COLUMNS


def _chosen(operands: Sequence[Operand], selector: Selector) -> list[str]:
    ties = {alias: name for each in reversed(operands) for alias, name in each.ties.items()}
    return selector.choose_tied(chain(*(each.tensors for each in operands)), ties)


def _followed(
    operands: Sequence[Operand],
    names: Sequence[str],
    tolerances: Tolerances,
    jobs: int,
    progress: Progress,
) -> list[Followed]:
    """Reads every tensor that two checkpoints have alike."""
    every = [Followed(name, _held(name, operands), len(operands)) for name in names]
    strands = [_strand(each, tolerances) for each in every if len(each.held) >= _LEAST]
    progress.start(sum(strand.nbytes for strand in strands))
    found = dict(courses(strands, jobs, progress))
    return [replace(each, course=found.get(each.name)) for each in every]


def _held(name: str, operands: Sequence[Operand]) -> dict[int, StoredTensor]:
    """Returns where a tensor is as it is first: in shape, and in a dtype that can be compared."""
    found = {i: tensor for i, each in enumerate(operands) if (tensor := each.find(name))}
    first = next(iter(found.values())).spec
    return {
        i: tensor
        for i, tensor in found.items()
        if tensor.spec.shape == first.shape
        and (tensor.spec.dtype == first.dtype or tensor.spec.dtype.is_decoded)
        and (tensor.spec.dtype == first.dtype or first.dtype.is_decoded)
    }


def _strand(each: Followed, tolerances: Tolerances) -> Strand:
    first = each.first.spec.dtype
    allowed = (
        tolerances.tolerance_for(each.name, first, tensor.spec.dtype).tolerance
        if first.is_decoded
        else EXACT
        for tensor in each.held.values()
    )
    return Strand(
        each.name, tuple(tensor.comparable() for tensor in each.held.values()), tuple(allowed)
    )


def _is_worth_showing(row: TimelineRow | StepRow) -> bool:
    changes = row.changes if isinstance(row, TimelineRow) else row.changed
    return bool(changes) or row.within != "yes"


def _table(
    rows: Sequence[TimelineRow | StepRow],
    known: tuple[Column, ...],
    columns: str | None,
    sort: str | None,
    top: int | None,
) -> Table:
    shown = choose_columns(known, columns, lambda column: _is_present(column, rows))
    every = tuple(column.key for column in known)
    keys = tuple(column.key for column in shown) if columns else every
    if not columns and known is COLUMNS:
        keys += MATRIX_KEYS
    return Table(shown, sort_rows(rows, known, sort)[:top], keys)


def _is_present(column: Column, rows: Sequence[TimelineRow | StepRow]) -> bool:
    values: Iterator[object] = (getattr(row, column.key) for row in rows)
    return any(values) if column.is_urgent else any(value is not None for value in values)
