"""`initcli compare`: says what differs between two checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from initcli.checks.contents import Contents
from initcli.checks.difference import Difference
from initcli.checks.drift import Drifted
from initcli.checks.finding import Finding
from initcli.checks.registry import codes_of, run_checks
from initcli.commands.arguments import require_positive
from initcli.commands.comparing.details import DetailRequest, details_of
from initcli.commands.comparing.found_names import Search
from initcli.commands.comparing.join import sides_of
from initcli.commands.comparing.joining import join, parse_match, unturned
from initcli.commands.comparing.measure import Work
from initcli.commands.comparing.operand import Operand, open_operand
from initcli.commands.comparing.rows import Shown, row_of
from initcli.commands.comparing.statistics import by_statistics, has_report, refuse_of_values
from initcli.commands.comparing.tolerance import ByPattern, Tolerances
from initcli.commands.gating.criteria import Criteria
from initcli.core.progress import SILENT, Progress
from initcli.engine.local import default_jobs
from initcli.recipes.renames import Rename
from initcli.recipes.selector import Selector
from initcli.reports.compare import CompareReport
from initcli.reports.compare_details import with_details
from initcli.reports.compare_row import CompareRow
from initcli.reports.differences import difference_of
from initcli.reports.proposal import told


def compare(
    a: str | Path,
    b: str | Path,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    tolerances: ByPattern = (),
    equal_nan: bool = False,
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    renames: Sequence[str] = (),
    follow_renames: bool = False,
    match: Sequence[str] | str = (),
    check_dtype: bool = False,
    include_optimizer: bool = False,
    only_changed: bool = False,
    spectrum: bool = False,
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
) -> CompareReport:
    """Joins two checkpoints by name and measures how far each pair of tensors is apart.

    Values agree if |a − b| ≤ atol + rtol·|b|, as in `torch.testing.assert_close(a, b)`.

    Args:
        a: A checkpoint, or a report of `stats` on one as JSON, of which statistics are compared,
            each by its sampling error.
        b: Another.
        rtol: The relative tolerance. Without either, torch's for the dtypes; with only one,
            the other is zero.
        atol: The absolute tolerance.
        tolerances: Patterns of names, and what holds for them instead; the last that matches.
        equal_nan: Whether NaN equals NaN, whatever its bits.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        renames: What B's names become before they are joined, `REGEX=REPLACEMENT` each, in order;
            patterns and tolerances go by the new names.
        follow_renames: Whether to rename B's tensors as the report would propose.
        match: What else is recognised: `transposed` matrices, parts of `fused` ones, or both.
        check_dtype: Whether unequal dtypes are a difference even if the values are equal.
        include_optimizer: Whether the state of optimizers in the files is compared too.
        only_changed: Whether to leave out rows of tensors that are the same.
        spectrum: Whether to compute singular values of B − A, for which matrices are read again.
        by: `layer` or `role`: one row for tensors of one block, or of one name but for numbers.
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
        The report; `report.passed` is the gate. `report.failures` are not empty where a part of
        either cannot be read.

    Raises:
        InitcliError: A path cannot be read, or an argument means nothing.
    """
    require_positive(top=top, jobs=jobs)
    shown = Shown(columns, sort, top, by, only_changed=only_changed, spectrum=spectrum)
    shown.check()
    criteria = Criteria.of(
        config,
        select_check=select_check,
        ignore_check=ignore_check,
        fail_on=fail_on,
        strict=strict,
    )
    criteria.refuse_idle(Contents, Drifted if has_report(a, b) else Difference)
    selector = Selector.of(select, exclude)
    parsed = [Rename.parse(text) for text in renames]
    if has_report(a, b):
        refuse_of_values(
            {
                "rtol": rtol,
                "atol": atol,
                "tolerance": tuple(tolerances),
                "equal_nan": equal_nan,
                "follow_renames": follow_renames,
                "match": tuple(match),
                "check_dtype": check_dtype,
                "include_optimizer": include_optimizer,
                "spectrum": spectrum,
                "by": by,
            }
        )
        return by_statistics(
            (a, b),
            renames=parsed,
            selector=selector,
            criteria=criteria,
            shown=shown,
            request=DetailRequest(jobs=jobs or default_jobs(), progress=progress),
        )
    allowed = Tolerances.of(rtol, atol, tolerances, equal_nan=equal_nan, said=criteria.settings)
    wanted = parse_match(match)
    one = open_operand(a, include_optimizer=include_optimizer)
    other = open_operand(b, parsed, include_optimizer=include_optimizer)
    chosen = _chosen(one, other, selector)
    allowed.refuse_idle([*one.names.values(), *other.names.values()])
    jobs = jobs or default_jobs()
    proposals, found = Search(one, other, chosen, jobs, progress).find()
    if follow_renames:
        chosen |= {found.names[own] for own, name in other.names.items() if name in chosen}
        other = found
    joins = [each for each in join(one, other, wanted) if each.is_chosen(chosen)]
    measured = Work((one, other), joins, allowed, jobs, progress).measure()
    request = DetailRequest.of(columns, sort, spectrum=spectrum, jobs=jobs, progress=progress)
    details, unmeasured = details_of(measured.pairs, measured.summaries, sides_of(joins), request)
    progress.finish()
    rows = tuple(
        with_details(row_of(each, allowed, check_dtype=check_dtype), details.get(each.joined.name))
        for each in measured.found
    )
    distances = {
        row.name: each.pair.distance
        for row, each in zip(rows, measured.found, strict=True)
        if each.pair
    }
    findings = _findings(rows, (one, other), unmeasured | unturned(joins, wanted), criteria)
    return CompareReport(
        str(a),
        str(b),
        rows,
        shown.table(rows, distances, request),
        (
            *criteria.notes,
            *criteria.idle_overrides(chosen),
            *one.notes,
            *other.notes,
            *told(proposals, followed=follow_renames),
        ),
        (*one.checkpoint.files, *other.checkpoint.files),
        criteria.passes(findings) and not (one.failures or other.failures),
        tuple(proposals),
        findings,
        (*one.failures, *other.failures),
        codes_of(Difference, policy=criteria.policy),
        criteria.gate,
    )


def _chosen(one: Operand, other: Operand, selector: Selector) -> set[str]:
    names = [*one.tensors, *other.tensors]
    return set(selector.choose_tied(names, {**other.ties, **one.ties}))


def _findings(
    rows: Sequence[CompareRow],
    operands: Sequence[Operand],
    reasons: Mapping[str, str],
    criteria: Criteria,
) -> tuple[Finding, ...]:
    contents = (each.contents for each in operands)
    later = str(operands[-1].checkpoint.path)
    differences = (difference_of(row, later, reasons.get(row.name, "")) for row in rows)
    return tuple(run_checks((*contents, *differences), criteria.policy))
