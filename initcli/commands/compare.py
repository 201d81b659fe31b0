"""`initcli compare`: says what differs between two checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from initcli.commands.arguments import require_positive
from initcli.commands.compare_details import DetailRequest, details_of
from initcli.commands.compare_groups import check_shown, group_table, grouped
from initcli.core.dtypes import DTYPES, DType
from initcli.core.errors import OptionError
from initcli.core.progress import SILENT, Progress
from initcli.engine.local import default_jobs
from initcli.engine.pairs import Pair, pair_summaries
from initcli.engine.shifts import Sides
from initcli.engine.stream import portraits
from initcli.formats.checkpoint import Checkpoint, StoredTensor
from initcli.formats.detect import open_checkpoint
from initcli.recipes.selector import Selector
from initcli.reports.compare import CompareReport, CompareRow, Side, compare_row
from initcli.reports.compare_columns import COLUMNS
from initcli.reports.compare_details import with_details
from initcli.reports.compare_status import SAME
from initcli.reports.table import Column, Table, choose_columns, sort_rows
from initcli.statistics.moments import AnyMoments
from initcli.statistics.pair import Tolerance

# The defaults of torch.testing.assert_close; every other dtype must be equal.
_TOLERANCES = {
    "F16": Tolerance(1e-3, 1e-5),
    "BF16": Tolerance(1.6e-2, 1e-5),
    "F32": Tolerance(1.3e-6, 1e-5),
    "F64": Tolerance(1e-7, 1e-7),
    "C64": Tolerance(1.3e-6, 1e-5),
}
_EXACT = Tolerance(0.0, 0.0)


def compare(
    a: str | Path,
    b: str | Path,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    check_dtype: bool = False,
    only_changed: bool = False,
    spectrum: bool = False,
    by: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    columns: str | None = None,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> CompareReport:
    """Joins two checkpoints by name and measures how far each pair of tensors is apart.

    Values agree if |a − b| ≤ atol + rtol·|b|, as in `torch.testing.assert_close(a, b)`.

    Args:
        a: A checkpoint.
        b: Another.
        rtol: The relative tolerance. Without either, torch's for the dtypes; with only one,
            the other is zero.
        atol: The absolute tolerance.
        equal_nan: Whether NaN equals NaN, whatever its bits.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        check_dtype: Whether unequal dtypes are a difference even if the values are equal.
        only_changed: Whether to leave out rows of tensors that are the same.
        spectrum: Whether to compute singular values of B − A, for which matrices are read again.
        by: `layer` or `role`: one row for tensors of one block, or of one name but for numbers.
        sort: A column: numbers largest first, text from A; `-column` reverses.
        top: How many rows to show.
        columns: Comma-separated keys, or `+key,-key` to change the default.
        jobs: Threads; by default as many as cores.
        progress: Told of every byte read.

    Returns:
        The report; `report.passed` says that nothing differs beyond tolerance.

    Raises:
        InitcliError: A path cannot be read, or an argument means nothing.
    """
    require_positive(top=top, jobs=jobs)
    check_shown(columns, sort, by, spectrum=spectrum)
    jobs = jobs or default_jobs()
    request = DetailRequest.of(columns, sort, spectrum=spectrum, jobs=jobs, progress=progress)
    wanted = _wanted_tolerance(rtol, atol)
    one, other = open_checkpoint(a), open_checkpoint(b)
    names = Selector.of(select, exclude).choose_tied(
        [*one.tensors, *other.tensors], {**other.ties, **one.ties}
    )
    pairs = [
        replace(pair, tolerance=replace(pair.tolerance, equal_nan=equal_nan))
        for name in names
        if (pair := _pair(name, one, other, wanted))
    ]
    paired = {pair.name for pair in pairs}
    alone = [name for name in names if name not in paired]
    progress.start(_size(pairs) + sum(_size_alone(each, alone) for each in (one, other)))
    measured = dict(pair_summaries(pairs, jobs, progress))
    sides_a, sides_b = (
        _sides(each, names, moments | _moments(each, alone, jobs, progress))
        for each, moments in (
            (one, {name: pair.a for name, pair in measured.items()}),
            (other, {name: pair.b for name, pair in measured.items()}),
        )
    )
    details, unmeasured = details_of(pairs, measured, _both_sides(names, one, other), request)
    progress.finish()
    rows = tuple(
        with_details(
            compare_row(
                sides_a[name],
                sides_b[name],
                measured.get(name),
                allow_cast=wanted is None,
                check_dtype=check_dtype,
            ),
            details.get(name),
        )
        for name in names
    )
    if by is None:
        shown = [row for row in rows if _is_worth_showing(row)] if only_changed else rows
        table = _table(shown, columns, sort, top, request)
    else:
        pools = [
            row for row in grouped(rows, measured, by) if row.is_difference or not only_changed
        ]
        table = group_table(pools, columns, sort, top)
    return CompareReport(
        str(a),
        str(b),
        rows,
        table,
        (*one.notes, *other.notes, *unmeasured),
        (*one.files, *other.files),
        not any(row.is_difference for row in rows),
    )


def _wanted_tolerance(rtol: float | None, atol: float | None) -> Tolerance | None:
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not 0 <= value < math.inf:
            raise OptionError(f"{name} must be a number from 0 on, got {value}")
    return None if rtol is None and atol is None else Tolerance(rtol or 0.0, atol or 0.0)


def _pair(name: str, one: Checkpoint, other: Checkpoint, wanted: Tolerance | None) -> Pair | None:
    a, b = one.find(name), other.find(name)
    if a is None or b is None or a.spec.shape != b.spec.shape:
        return None
    if a.spec.dtype.is_decoded and b.spec.dtype.is_decoded:
        return Pair(name, a, b, wanted or _tolerance(a.spec.dtype, b.spec.dtype))
    if a.spec.dtype == b.spec.dtype:
        return Pair(name, _as_bytes(a), _as_bytes(b), _EXACT)
    return None


def _both_sides(names: Sequence[str], one: Checkpoint, other: Checkpoint) -> list[Sides]:
    found = ((name, one.find(name), other.find(name)) for name in names)
    return [
        Sides(name, a, b)
        for name, a, b in found
        if a and b and a.spec.dtype.is_decoded and b.spec.dtype.is_decoded
    ]


def _as_bytes(tensor: StoredTensor) -> StoredTensor:
    """Values that are not decoded can still be told apart byte by byte."""
    spec = replace(tensor.spec, dtype=DTYPES["U8"], shape=(tensor.spec.nbytes,))
    return replace(tensor, spec=spec)


def _tolerance(a: DType, b: DType) -> Tolerance:
    """Returns torch's tolerance of the less precise dtype."""
    one, other = _TOLERANCES.get(a.code, _EXACT), _TOLERANCES.get(b.code, _EXACT)
    return Tolerance(max(one.relative, other.relative), max(one.absolute, other.absolute))


def _size(pairs: Sequence[Pair]) -> int:
    return sum(pair.a.spec.nbytes + pair.b.spec.nbytes for pair in pairs)


def _size_alone(checkpoint: Checkpoint, names: Sequence[str]) -> int:
    held = (tensor.spec for name in names if (tensor := checkpoint.find(name)))
    return sum(spec.nbytes for spec in held if spec.dtype.is_decoded)


def _moments(
    checkpoint: Checkpoint, names: Sequence[str], jobs: int, progress: Progress
) -> dict[str, AnyMoments]:
    """Returns the moments, by any of its names, of what has no partner and is measured alone."""
    held = {name: tensor.spec.name for name in names if (tensor := checkpoint.find(name))}
    found = dict(portraits(checkpoint, set(held.values()), jobs, progress=progress))
    return {
        name: portrait.summary.moments
        for name, stored in held.items()
        if (portrait := found[stored]) is not None
    }


def _sides(
    checkpoint: Checkpoint, names: Sequence[str], moments: Mapping[str, AnyMoments]
) -> dict[str, Side]:
    """Returns what a checkpoint has of every name."""
    return {
        name: _side(tensor, moments.get(name)) if (tensor := checkpoint.find(name)) else Side()
        for name in names
    }


def _side(tensor: StoredTensor, moments: AnyMoments | None) -> Side:
    # Of values that are not decoded only the bytes were summarised, to tell them apart.
    return Side(tensor.spec, moments if tensor.spec.dtype.is_decoded else None)


def _is_worth_showing(row: CompareRow) -> bool:
    return row.is_difference or row.status not in SAME


def _table(
    rows: Sequence[CompareRow],
    columns: str | None,
    sort: str | None,
    top: int | None,
    request: DetailRequest,
) -> Table:
    def is_present(column: Column) -> bool:
        if not rows:
            return not column.is_urgent
        values = [getattr(row, column.key) for row in rows]
        return any(values) if column.is_urgent else any(value is not None for value in values)

    shown = choose_columns(COLUMNS, columns, is_present)
    # For people both sides share a column; machines get them apart.
    hidden = {"shape", "dtype", *request.unmeasured_keys}
    apart = [column for column in COLUMNS if column.key not in hidden]
    keys = tuple(column.key for column in (shown if columns else apart))
    return Table(shown, sort_rows(rows, COLUMNS, sort)[:top], keys)
