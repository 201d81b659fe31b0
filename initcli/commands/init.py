"""`initcli init`: draws selected tensors of a model or checkpoint, and keeps the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from initcli.checks.observation import Observation
from initcli.commands.arguments import require_positive
from initcli.core.dtypes import DType, parse_dtype
from initcli.core.errors import NotApplicableError, OptionError
from initcli.core.progress import SILENT, Progress
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, some, visible
from initcli.engine.draw import drawn_parts
from initcli.engine.local import default_jobs
from initcli.engine.parts import Part, copied_parts
from initcli.engine.write import Summaries, write_checkpoint
from initcli.formats.writing.atomic import refuse_taken
from initcli.formats.writing.output import Contents, OutputPlan, plan_output
from initcli.formats.writing.sharding import parse_size
from initcli.formats.writing.staging import refuse_harm
from initcli.models.open_source import open_source
from initcli.models.source import Source
from initcli.recipes.asked import Asked
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.selector import Selector
from initcli.reports.choice import choose_columns, refuse_unknown
from initcli.reports.describe import pooled_row, tensor_row
from initcli.reports.init import InitReport
from initcli.reports.table import Column, Table
from initcli.reports.tensor_columns import COLUMNS, UNPOOLED_KEYS
from initcli.reports.tensor_row import TensorRow
from initcli.statistics.summary import Summary
from initcli.theory.judge import cannot_judge, judge

_SEEDS = 2**63
# Told of what is left alone where nothing is drawn.
_REASONS = 3
_HIDDEN = frozenset({"checkpoint", "min", "max", "zeros", "nan", "inf", "gain", "z", "verdict"})


def init(
    source: str | Path,
    output: str | Path | None = None,
    *,
    scheme: str | None = None,
    bias: str | None = None,
    parameters: Mapping[str, str] | None = None,
    recipe: str | None = None,
    layout: str | None = None,
    settings: Sequence[str] = (),
    select: Sequence[str] | str = (),
    exclude: Sequence[str] | str = (),
    seed: int = 0,
    dtype: str | None = None,
    arguments: Sequence[str] = (),
    columns: str | None = None,
    dry_run: bool = False,
    force: bool = False,
    max_shard_size: str | int | None = None,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> InitReport:
    """Draws selected tensors and writes them with all others to a new checkpoint.

    Args:
        source: A checkpoint, `path/to/file.py:factory`, or a Hugging Face `config.json`.
        output: A `.safetensors`, `.pt` or `.pth` file, or a directory of shards.
        scheme: What weights are drawn by, such as `kaiming_normal(mode=fan_out)`.
        bias: What biases are drawn by.
        parameters: Further parameters of the scheme, by name.
        recipe: A built-in recipe's name, or a TOML file's, instead of schemes.
        layout: How units lie in what the scheme draws, such as `conv(groups=4)`.
        settings: What names in formulas stand for, `n_layer=12` each.
        select: Patterns of which a tensor's name must match one; `re:` begins a regex.
        exclude: Patterns of which it may match none.
        seed: With the tensor's name it decides every drawn value.
        dtype: What is drawn is cast to it, and so are all floats of a factory's module.
        arguments: For the factory, `name=value` each.
        columns: Comma-separated keys, or `+key,-key` to change the default.
        dry_run: Whether to plan only; a factory's module is then built without values.
        force: Whether an existing output may be replaced.
        max_shard_size: The bytes of tensors a shard may hold, such as `5GB`; the output is then
            a directory. By default it is sharded as its source is.
        jobs: Threads; by default as many as cores.
        progress: Told of every byte written.

    Returns:
        The report of what was written.

    Raises:
        InitcliError: The source cannot be opened, an argument means nothing, or the output
            is refused; then nothing has been written.
    """
    if not 0 <= seed < _SEEDS:
        raise OptionError(f"seed must lie between 0 and 2**63, not {str(seed)[:40]}")
    require_positive(jobs=jobs)
    limit = None if max_shard_size is None else parse_size(str(max_shard_size))
    refuse_unknown(COLUMNS, columns)
    wanted = _drawable(dtype) if dtype else None
    asked = Asked(scheme, bias, parameters, recipe, layout, settings)
    plan = Plan.of(asked, Selector.of(select, exclude))
    if output is not None and not Path(output).is_dir():
        refuse_taken(Path(output), overwrite=force)  # before a model is built in vain
    opened_with = partial(open_source, str(source), arguments, seed=seed, dtype=wanted)
    opened, assignments = _planned(plan, opened_with(values=not (dry_run or plan.has_schemes)))
    kept = [name for name, one in assignments.items() if one.draw is None]
    if not dry_run and not opened.has_values(kept):
        opened, assignments = _planned(plan, opened_with(values=True))
    specs = {name: _cast(spec, assignments[name], wanted) for name, spec in opened.specs.items()}
    _refuse_idle(plan, assignments)
    entries = {name: specs[opened.ties.get(name, name)] for name in opened.names}
    metadata = {**opened.metadata, **opened.ties}
    contents = Contents(specs, metadata, entries, opened.checkpoint)
    target = _target(output, contents, limit, force=force)
    written: Summaries = dict.fromkeys(specs)
    if not dry_run:
        produce = partial(_produce, opened, assignments, seed)
        written = write_checkpoint(
            _required(target),
            produce,
            overwrite=force,
            jobs=jobs or default_jobs(),
            progress=progress,
        )
        progress.finish()
    seen = [
        _observation(spec, assignments[spec.name], written[spec.name]) for spec in specs.values()
    ]
    rows = (*(tensor_row(one, _action(one, opened)) for one in seen), *_tied_rows(opened, specs))
    table = _table(rows, pooled_row(plural(len(seen), "tensor"), seen), columns)
    done = None if dry_run else str(output)
    notes = (*plan.remarks(assignments, opened.layers), *_notes(assignments, opened))
    return InitReport(opened.name, done, seed, rows, table, notes)


def _planned(plan: Plan, opened: Source) -> tuple[Source, dict[str, Assignment]]:
    if opened.checkpoint is not None and not plan.has_schemes:
        raise OptionError("nothing to draw", hint="give --scheme, --bias or --recipe")
    chosen = plan.selector.choose_tied(opened.specs, opened.ties)
    config = opened.config if plan.needs_config else {}
    return opened, plan.assign(opened.specs, opened.layers, chosen, config)


def _refuse_idle(plan: Plan, assignments: Mapping[str, Assignment]) -> None:
    """Refuses to write a copy where something should have been drawn."""
    if plan.has_schemes and not any(one.draw for one in assignments.values()):
        reasons = dict.fromkeys(one.reason for one in assignments.values() if one.is_skip)
        reason = "; ".join([*reasons][:_REASONS])
        raise NotApplicableError(
            f"no tensor can be drawn by it{reason and ': '}{reason}", where=plan.name
        )


def _drawable(text: str) -> DType:
    dtype = parse_dtype(text)
    if not dtype.is_drawable:
        raise OptionError(f"nothing can be drawn in {dtype.code}", hint="choose a float dtype")
    return dtype


def _cast(spec: TensorSpec, assignment: Assignment, wanted: DType | None) -> TensorSpec:
    dtype = assignment.dtype or wanted
    return replace(spec, dtype=dtype) if dtype and assignment.draw else spec


def _target(
    output: str | Path | None, contents: Contents, limit: int | None, *, force: bool
) -> OutputPlan | None:
    """Plans the output and refuses a harmful one, before anything is drawn."""
    if output is None:
        return None
    target = plan_output(Path(output), contents, limit)
    refuse_harm(target, contents.source.files if contents.source else (), overwrite=force)
    return target


def _required(target: OutputPlan | None) -> OutputPlan:
    if target is None:
        raise OptionError("no output", hint="give -o OUT, or --dry-run")
    return target


def _produce(
    source: Source, assignments: Mapping[str, Assignment], seed: int, spec: TensorSpec
) -> Iterator[Part]:
    draw = assignments[spec.name].draw
    if draw is not None:
        yield from drawn_parts(draw, spec, seed)
    elif source.checkpoint is not None:
        yield from copied_parts(source.checkpoint.tensors[spec.name])
    else:
        yield Part(spec.parameters, partial(source.chunks, spec.name), source.held(spec.name))


def _observation(spec: TensorSpec, assignment: Assignment, summary: Summary | None) -> Observation:
    judgment = None
    draw = assignment.draw
    if draw is not None and summary is not None and not cannot_judge(draw.law, summary):
        judgment = judge(draw.law, spec.dtype, summary)
    return Observation("", spec, summary, assignment, judgment)


def _action(seen: Observation, source: Source) -> str:
    if seen.assignment is None or seen.assignment.draw is None:
        is_skip = seen.assignment is not None and seen.assignment.is_skip
        return "skipped" if is_skip else source.kept
    return "drawn"


def _tied_rows(source: Source, specs: Mapping[str, TensorSpec]) -> list[TensorRow]:
    return [
        TensorRow(
            alias,
            specs[name].parameters,
            shape=specs[name].shape,
            dtype=specs[name].dtype.code,
            action="tied",
            reason=f"the same tensor as {name}",
        )
        for alias, name in source.ties.items()
    ]


def _table(rows: Sequence[TensorRow], total: TensorRow, columns: str | None) -> Table:
    def is_present(column: Column) -> bool:
        is_shown = column.key not in _HIDDEN
        return is_shown and any(getattr(row, column.key) is not None for row in rows)

    shown = choose_columns(COLUMNS, columns, is_present)
    keys = tuple(
        column.key
        for column in (shown if columns else COLUMNS)
        if columns or column.key not in UNPOOLED_KEYS
    )
    return Table(shown, tuple(rows), keys, total)


def _notes(assignments: Mapping[str, Assignment], source: Source) -> tuple[str, ...]:
    """Says what was left alone and why, a line a reason."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, assignment in assignments.items():
        if assignment.draw is None and assignment.reason != "not selected":
            action = "skipped" if assignment.is_skip else source.kept
            names.setdefault((action, assignment.reason), []).append(visible(name, 80))
    tied = tuple(
        f"tied: {visible(alias, 80)} is {visible(name, 80)}" for alias, name in source.ties.items()
    )
    opened = source.checkpoint.remarks if source.checkpoint else ()
    return (
        opened
        + tied
        + tuple(
            f"{action} {plural(len(held), 'tensor')} ({reason}): {some(held)}"
            for (action, reason), held in names.items()
        )
    )
