"""`initcli compare` where a side is a report of `stats`: by statistics, without values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from initcli.checks.drift import Drifted
from initcli.checks.registry import codes_of, run_checks
from initcli.commands.comparing.details import DetailRequest
from initcli.commands.comparing.rows import Shown
from initcli.commands.gating.criteria import Criteria
from initcli.commands.observing.drift import drift_of
from initcli.commands.stats import stats
from initcli.core.errors import InitcliError, OptionError
from initcli.core.text import visible
from initcli.recipes.renames import Rename, idle, new_names
from initcli.recipes.selector import Selector
from initcli.reports.baseline import Known, is_report, known_of_row, read_baseline
from initcli.reports.compare import CompareReport
from initcli.reports.compare_row import CompareRow
from initcli.reports.compare_status import Status

_OTHER_FORM = "a report holds statistics and no values"
_WITHIN = {Status.IDENTICAL: "yes", Status.ALIKE: "yes", Status.UNJUDGED: None}


@dataclass(frozen=True, slots=True)
class _Statistics:
    """One side: what is known of every tensor.

    Attributes:
        path: As the user gave it.
        tensors: By name.
        files: What was read.
        notes: What a reader should know.
        failures: What could not be read.
    """

    path: str
    tensors: Mapping[str, Known]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    failures: tuple[InitcliError, ...] = ()


def has_report(*paths: str | Path) -> bool:
    """Whether one of the paths is a report's."""
    return any(is_report(Path(path)) for path in paths)


def refuse_of_values(given: Mapping[str, object]) -> None:
    """Refuses options that need values.

    Raises:
        OptionError: One is given.
    """
    for name, value in given.items():
        if value is not None and value is not False and value not in ("", ()):
            option = f"--{name.replace('_', '-')}"
            raise OptionError(f"{option} is for two checkpoints: {_OTHER_FORM}")


def by_statistics(
    paths: Sequence[str | Path],
    *,
    renames: Sequence[Rename],
    selector: Selector,
    criteria: Criteria,
    shown: Shown,
    request: DetailRequest,
) -> CompareReport:
    """Holds the statistics of two sides against each other, each by its sampling error.

    Args:
        paths: A and B, reports or checkpoints.
        renames: What B's names become before they are joined.
        selector: Which tensors, by those names.
        criteria: What fails, and the chance that any statistic of tensors drawn again does.
        shown: Which rows and columns.
        request: Threads, and who is told of bytes read.

    Raises:
        InitcliError: A path cannot be read, or a pattern matches nothing.
    """
    one, other = (_statistics_of(path, request) for path in paths)
    other = _renamed(other, renames)
    chosen = set(selector.choose(list(dict.fromkeys([*one.tensors, *other.tensors]))))
    before, after = (
        {name: known for name, known in side.tensors.items() if name in chosen}
        for side in (one, other)
    )
    drifted = drift_of(
        other.path, before, after, alpha=criteria.alpha, tolerance=criteria.tolerance
    )
    rows = tuple(_row(each, before, after) for each in drifted)
    findings = tuple(run_checks(drifted, criteria.policy))
    failures = (*one.failures, *other.failures)
    return CompareReport(
        one.path,
        other.path,
        rows,
        shown.table(rows, {}, request),
        (*criteria.notes, *one.notes, *other.notes, f"compared by statistics: {_OTHER_FORM}"),
        (*one.files, *other.files),
        criteria.passes(findings) and not failures,
        findings=findings,
        failures=failures,
        asked=codes_of(Drifted, policy=criteria.policy),
        gate=criteria.gate,
    )


def _statistics_of(path: str | Path, request: DetailRequest) -> _Statistics:
    """Reads a report, or measures a checkpoint as `stats` does."""
    if is_report(Path(path)):
        return _Statistics(str(path), read_baseline(Path(path)).tensors, (Path(path),))
    report = stats(path, hashes=True, jobs=request.jobs, progress=request.progress)
    tensors = {row.name: known_of_row(row) for row in report.rows}
    return _Statistics(str(path), tensors, report.files, report.notes, report.failures)


def _renamed(side: _Statistics, renames: Sequence[Rename]) -> _Statistics:
    names = new_names(renames, side.tensors)
    unused = (
        f"--map {visible(each.text, 200)} changes no name of {visible(side.path, 200)}"
        for each in idle(renames, list(side.tensors))
    )
    return replace(
        side,
        tensors={names[name]: known for name, known in side.tensors.items()},
        notes=(*side.notes, *unused),
    )


def _row(each: Drifted, before: Mapping[str, Known], after: Mapping[str, Known]) -> CompareRow:
    a, b = before.get(each.tensor), after.get(each.tensor)
    known = a or b
    status = _status(each, a, b)
    return CompareRow(
        each.tensor,
        status,
        math.prod(known.shape) if known else 0,
        within=_WITHIN.get(status, "no"),
        shape_a=a.shape if a else None,
        shape_b=b.shape if b else None,
        dtype_a=a.dtype if a else None,
        dtype_b=b.dtype if b else None,
        drifted=", ".join(shift.text for shift in each.shifts) or None,
        mean_a=a.standing.mean if a else None,
        mean_b=b.standing.mean if b else None,
        std_a=_std(a),
        std_b=_std(b),
    )


def _status(each: Drifted, a: Known | None, b: Known | None) -> Status:
    if a is None or b is None:
        return Status.ONLY_B if a is None else Status.ONLY_A
    if a.shape != b.shape:
        return Status.SHAPE
    if each.shifts:
        return Status.DRIFTED
    if a.dtype != b.dtype:
        return Status.DTYPE
    if a.digest is not None and a.digest == b.digest:
        return Status.IDENTICAL
    return Status.UNJUDGED if each.reason else Status.ALIKE


def _std(known: Known | None) -> float | None:
    if known is None or known.standing.variance is None:
        return None
    return math.sqrt(known.standing.variance)
