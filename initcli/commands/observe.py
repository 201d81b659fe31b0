"""Reads what was asked for of every chosen tensor, and holds it beside its scheme."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from initcli.checks.observation import Observation
from initcli.core.progress import Progress
from initcli.core.tensor import TensorSpec
from initcli.engine.spectra import spectra
from initcli.engine.stream import Wanted, portraits
from initcli.formats.checkpoint import Checkpoint
from initcli.recipes.assign import Assignment, Plan
from initcli.recipes.roles import roles_of
from initcli.statistics.lines import Lines, cannot_line
from initcli.statistics.portrait import Portrait
from initcli.statistics.spectrum import Spectrum
from initcli.theory.judge import Judgment, cannot_judge, judge
from initcli.theory.outlying import LineVerdict, judge_lines


@dataclass(frozen=True, slots=True)
class Request:
    """What to find out of every tensor.

    Attributes:
        wanted: What to learn of values in the one pass.
        jobs: Threads.
        progress: Told of what is read.
        values: Whether values are read at all, and not headers only.
        spectrum: Whether singular values are computed, for which matrices are read again.
    """

    wanted: Wanted
    jobs: int
    progress: Progress
    values: bool = True
    spectrum: bool = False


def observe(
    checkpoint: Checkpoint, plan: Plan, chosen: Collection[str], request: Request
) -> list[Observation]:
    """Returns an observation of every chosen tensor of a checkpoint, in its order.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
        NotApplicableError: A scheme cannot be held against a tensor selected by name.
    """
    names = [name for name in checkpoint.tensors if name in chosen]
    assignments: Mapping[str, Assignment] = {}
    if plan.has_schemes:
        assignments = plan.assign(checkpoint.specs, roles_of(checkpoint.specs), chosen)
    seen = {
        name: Observation(str(checkpoint.path), checkpoint.specs[name], None, assignments.get(name))
        for name in names
    }
    if request.values:
        for name, portrait in portraits(
            checkpoint, names, request.jobs, request.wanted, request.progress
        ):
            seen[name] = _observed(seen[name], portrait, request)
    if request.spectrum:
        for name, spectrum in spectra(checkpoint, names):
            seen[name] = _with_spectrum(seen[name], spectrum)
    return _with_duplicates(list(seen.values()))


def _observed(seen: Observation, portrait: Portrait | None, request: Request) -> Observation:
    if portrait is None:
        return seen
    shape = seen.spec.shape
    return replace(
        seen,
        summary=portrait.summary,
        judgment=_judgment(seen, portrait),
        distribution=portrait.distribution,
        rows=_verdict(portrait.rows, shape[1:]),
        columns=_verdict(portrait.columns, (*shape[:1], *shape[2:])),
        digest=portrait.digest,
        unmeasured=_unmeasured(seen.spec) if request.wanted.lines else (),
    )


def _judgment(seen: Observation, portrait: Portrait) -> Judgment | None:
    draw = seen.assignment.draw if seen.assignment else None
    if draw is None or cannot_judge(draw.law, portrait.summary):
        return None
    return judge(draw.law, seen.spec.dtype, portrait.summary)


def _verdict(lines: Lines | None, others: tuple[int, ...]) -> LineVerdict | None:
    return judge_lines(lines, math.prod(others)) if lines is not None else None


def _unmeasured(spec: TensorSpec) -> tuple[str, ...]:
    reason = cannot_line(spec.shape)
    is_matrix = spec.is_matrix and spec.dtype.is_float
    return (f"rows and columns: {reason}",) if reason and is_matrix else ()


def _with_spectrum(seen: Observation, spectrum: Spectrum) -> Observation:
    unmeasured = (f"spectrum: {spectrum.reason}",) if spectrum.reason else ()
    return replace(seen, spectrum=spectrum, unmeasured=seen.unmeasured + unmeasured)


def _with_duplicates(seen: list[Observation]) -> list[Observation]:
    """Names for each tensor the first of equal dtype, shape and bytes; constants are no copies."""
    first: dict[object, str] = {}
    marked = []
    for one in seen:
        original = one.spec.name
        if one.digest and one.summary and not one.summary.is_constant:
            content = (one.digest, one.spec.dtype.code, one.spec.shape)
            original = first.setdefault(content, original)
        is_copy = original != one.spec.name
        marked.append(replace(one, duplicate_of=original) if is_copy else one)
    return marked
