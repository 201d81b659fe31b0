"""`initcli compare`: says what differs between two checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from initcli.commands.arguments import require_positive
from initcli.commands.compare_rows import Shown, row_of
from initcli.commands.found_names import Search
from initcli.commands.joining import join, parse_match, unturned
from initcli.commands.measure_pairs import Work
from initcli.commands.operand import Operand, open_operand
from initcli.commands.tolerance import ByPattern, Tolerances
from initcli.core.progress import SILENT, Progress
from initcli.engine.local import default_jobs
from initcli.recipes.renames import Rename
from initcli.recipes.selector import Selector
from initcli.reports.compare import CompareReport
from initcli.reports.proposal import told


def compare(
    a: str | Path,
    b: str | Path,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    tolerances: ByPattern = (),
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    renames: Sequence[str] = (),
    follow_renames: bool = False,
    match: Sequence[str] | str = (),
    check_dtype: bool = False,
    only_changed: bool = False,
    sort: str | None = None,
    top: int | None = None,
    columns: str | None = None,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> CompareReport:
    r"""Joins two checkpoints by name and measures how far each pair of tensors is apart.

    Values agree if |a − b| ≤ atol + rtol·|b|, as in `torch.testing.assert_close(a, b)`.

    Args:
        a: A checkpoint.
        b: Another.
        rtol: The relative tolerance. Without either, torch's for the dtypes; with only one,
            the other is zero.
        atol: The absolute tolerance.
        tolerances: Patterns of names, and what holds for them instead; the last that matches.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        renames: What B's names become before they are joined, `REGEX=REPLACEMENT` each, in order;
            patterns and tolerances go by the new names.
        follow_renames: Whether to rename B's tensors as the report would propose.
        match: What else is recognised: `transposed` matrices, parts of `fused` ones, or both.
        check_dtype: Whether unequal dtypes are a difference even if the values are equal.
        only_changed: Whether to leave out rows of tensors that are the same.
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
    shown = Shown(columns, sort, top, only_changed)
    shown.check()
    allowed = Tolerances.of(rtol, atol, tolerances)
    wanted = parse_match(match)
    one = open_operand(a)
    other = open_operand(b, [Rename.parse(text) for text in renames])
    chosen = _chosen(one, other, Selector.of(select, exclude))
    allowed.refuse_idle([*one.names.values(), *other.names.values()])
    jobs = jobs or default_jobs()
    proposals, found = Search(one, other, chosen, jobs, progress).find()
    if follow_renames:
        chosen |= {found.names[own] for own, name in other.names.items() if name in chosen}
        other = found
    joins = [each for each in join(one, other, wanted) if each.is_chosen(chosen)]
    work = Work((one, other), joins, allowed, jobs, progress)
    measured = work.measure()
    progress.finish()
    rows = tuple(row_of(each, allowed, check_dtype=check_dtype) for each in measured)
    return CompareReport(
        str(a),
        str(b),
        rows,
        shown.table(rows),
        (
            *one.notes,
            *other.notes,
            *told(proposals, followed=follow_renames),
            *unturned(joins, wanted),
        ),
        (*one.checkpoint.files, *other.checkpoint.files),
        not any(row.is_difference for row in rows),
        tuple(proposals),
    )


def _chosen(one: Operand, other: Operand, selector: Selector) -> set[str]:
    names = [*one.tensors, *other.tensors]
    return set(selector.choose_tied(names, {**other.ties, **one.ties}))
