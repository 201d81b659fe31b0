"""`initcli stats`: measures every tensor, and holds it against theory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from initcli.checks.contents import Contents
from initcli.checks.drift import Drifted
from initcli.checks.finding import Finding
from initcli.checks.observation import Observation
from initcli.checks.registry import codes_of, looked, needed, run_checks
from initcli.commands.arguments import require_positive
from initcli.commands.gating.criteria import Criteria
from initcli.commands.observing.drift import drifted_from, with_known
from initcli.commands.observing.observe import observe
from initcli.commands.observing.opening import open_all
from initcli.commands.observing.rejections import with_rejections
from initcli.commands.observing.request import Request, Show
from initcli.commands.observing.table import GROUPS, described, grouped, table_of
from initcli.commands.observing.whole import Whole, look_at_whole
from initcli.core.errors import OptionError
from initcli.core.progress import SILENT, Progress
from initcli.core.text import did_you_mean, plural
from initcli.models.source import Source
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Plan
from initcli.recipes.selector import Selector
from initcli.reports.baseline import Baseline, read_baseline
from initcli.reports.describe import pooled_row
from initcli.reports.identity import IdentityRow
from initcli.reports.inquiry import Examined
from initcli.reports.stats import StatsReport
from initcli.reports.tensor_columns import IDENTITY_KEYS
from initcli.theory.identify.power import level_of


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
    include_optimizer: bool = False,
    rows: bool = False,
    hashes: bool = False,
    spectrum: bool = False,
    identify: bool = False,
    exact: bool = False,
    device: str = "cpu",
    check: bool = False,
    detail: bool = True,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> StatsReport:
    """Measures every selected tensor and, given a scheme, holds it against the scheme's law.

    Args:
        paths: Checkpoints: safetensors or PyTorch files, sharded indexes, or directories with one.
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
        include_optimizer: Whether the state of an optimizer in the file is measured too.
        rows: Whether to look at every row and column: zero, constant, not finite, outlying.
        hashes: Whether to hash every tensor, by which copies are found.
        spectrum: Whether to compute singular values, for which matrices are read again.
        identify: Whether to tell which initialisation each tensor still carries.
        exact: Whether to look at the places of up to 2²³ values of a matrix for that, not of 2¹⁸.
        device: `cpu`; nothing here has been measured to be faster elsewhere.
        check: Whether values are read for the checks, even if no column shows any.
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
    is_identifying = identify or "identity" in needs or bool(show.asked & IDENTITY_KEYS)
    if by is not None and identify:
        raise OptionError("--identify is of single tensors only, and --by pools them")
    if exact and not is_identifying:
        raise OptionError("--exact goes with --identify")
    _refuse_idle(plan, criteria, earlier, alpha, tolerance, is_identifying=is_identifying)
    of_model = _model(model, arguments)
    opening = open_all(paths, include_optimizer=include_optimizer)
    chosen = opening.choose(plan.selector)
    request = Request.of(
        show,
        rows=rows or "rows" in needs,
        hashes=hashes or "hashes" in needs,
        detail=detail or earlier is not None,
        level=level_of(criteria.alpha, opening.count(chosen)) if is_identifying else 0.0,
        exact=exact,
        values=check
        or is_identifying
        or plan.has_schemes
        or criteria.needs_values
        or earlier is not None,
        jobs=jobs,
        progress=progress,
    )
    if request.values:
        progress.start(opening.size_of(chosen))
    known = of_model.layers if of_model else {}
    observed = [observe(each, plan, chosen, request, known) for each in opening.checkpoints]
    judged = with_rejections(
        [one for each, _ in observed for one in each], criteria.alpha, criteria.tolerance
    )
    whole = look_at_whole(opening, judged, plan.selector, of_model, request)
    progress.finish()
    kinds = (Observation, Contents, *((Drifted,) if earlier else ()))
    codes = codes_of(*kinds, policy=criteria.policy)
    findings = _findings(whole, earlier, plan.selector, criteria, values=request.values)
    total = pooled_row(plural(len(whole.seen), "tensor"), whole.seen)
    every = described(whole.seen, findings)
    shown = every if by is None else grouped(whole.seen, by)
    return StatsReport(
        opening.described,
        every,
        total,
        table_of(shown, total, request, show),
        findings,
        (
            *criteria.notes,
            *criteria.idle_overrides(chosen),
            *opening.notes,
            *dict.fromkeys(chain(*(notes for _, notes in observed))),
            *whole.notes,
        ),
        opening.files,
        criteria.passes(findings) and not opening.failures,
        has_values=request.values,
        asked=codes if request.values else (),
        examined=tuple(
            Examined(each.checkpoint, "", looked(each, codes)) for each in whole.contents
        ),
        gate=criteria.gate,
        failures=opening.failures,
        identities=tuple(IdentityRow.of(one, one.identity) for one in whole.seen if one.identity),
    )


def _refuse_idle(
    plan: Plan,
    criteria: Criteria,
    earlier: Baseline | None,
    alpha: float | None,
    tolerance: float | None,
    *,
    is_identifying: bool,
) -> None:
    """Refuses options that nothing in this run would heed."""
    kinds = (Observation, Contents, *((Drifted,) if earlier else ()))
    criteria.refuse_idle(*kinds, has_laws=plan.has_schemes)
    departs = plan.has_schemes or earlier
    for name, value, is_heeded in (
        ("alpha", alpha, departs or is_identifying),
        ("tolerance", tolerance, departs),
    ):
        if value is not None and not is_heeded:
            raise OptionError(f"--{name} is for a scheme, a recipe or a baseline to depart from")


def _findings(
    whole: Whole,
    earlier: Baseline | None,
    selector: Selector,
    criteria: Criteria,
    *,
    values: bool,
) -> tuple[Finding, ...]:
    """Asks the checks, and marks what the baseline knows of."""
    drifted = () if earlier is None else drifted_from(earlier, whole, selector, criteria)
    subjects = [*whole.contents, *(whole.seen if values else ()), *drifted]
    findings = run_checks(subjects, criteria.policy)
    return tuple(findings if earlier is None else with_known(findings, earlier))


def _model(model: str | None, arguments: Sequence[str]) -> Source | None:
    if model is None:
        if arguments:
            raise OptionError("--arg is for a factory, and no --model is given")
        return None
    from initcli.models.open_source import open_model  # it may bring torch

    return open_model(model, arguments)


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
