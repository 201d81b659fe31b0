"""Fills observations with what a pass over the values shows."""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from dataclasses import replace

from initcli.checks.observation import Observation
from initcli.commands.observing.identify import Identification
from initcli.commands.observing.request import Request
from initcli.core.tensor import TensorSpec
from initcli.engine.spectra import cannot_span, spectra
from initcli.engine.stream import portraits
from initcli.engine.structure import has_structure, structures
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.schemes.registry import Draw
from initcli.statistics.lines import Lines, cannot_line
from initcli.statistics.portrait import Portrait
from initcli.statistics.spectrum import Spectrum
from initcli.theory.judge import Judgment, cannot_judge, judge
from initcli.theory.outlying import LineVerdict, judge_lines
from initcli.theory.structure import StructureVerdict, judge_structure


def measure(
    checkpoint: Checkpoint,
    seen: MutableMapping[str, Observation],
    request: Request,
    identification: Identification | None = None,
) -> None:
    """Reads the values of every observed tensor, and adds what they show.

    Args:
        checkpoint: What to read.
        seen: What is known of every tensor to be measured, by name.
        request: What to find out.
        identification: Told of every tensor, if initialisations are asked for.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    for name, portrait in portraits(
        checkpoint, seen, request.jobs, request.wanted, request.progress
    ):
        seen[name] = _observed(seen[name], portrait, request)
        if identification:
            identification.note(seen[name].spec, portrait)
    if identification:
        for name, identity in identification.conclude().items():
            seen[name] = replace(seen[name], identity=identity)
    if request.spectrum:
        for name, spectrum in spectra(checkpoint, seen, request.progress):
            seen[name] = _with_spectrum(seen[name], spectrum)
    _look_for_structure(checkpoint, seen, request)


def _look_for_structure(
    checkpoint: Checkpoint, seen: MutableMapping[str, Observation], request: Request
) -> None:
    draws = {name: draw for name, one in seen.items() if (draw := _structured(one))}
    for name, found in structures(checkpoint, draws, request.progress):
        verdict = judge_structure(draws[name].law, seen[name].spec, found)
        seen[name] = _with_structure(seen[name], verdict)


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
        unmeasured=_unmeasured(seen.spec, request),
    )


def _judgment(seen: Observation, portrait: Portrait) -> Judgment | None:
    draw = seen.assignment.draw if seen.assignment else None
    if draw is None or cannot_judge(draw.law, portrait.summary):
        return None
    return judge(draw.law, seen.spec.dtype, portrait.summary)


def _verdict(lines: Lines | None, others: tuple[int, ...]) -> LineVerdict | None:
    return judge_lines(lines, math.prod(others)) if lines is not None else None


def _unmeasured(spec: TensorSpec, request: Request) -> tuple[str, ...]:
    """Returns what was asked of a matrix and is not looked at, and why; vectors have none of it."""
    if not spec.is_matrix:
        return ()
    reasons = {
        "rows and columns": cannot_line(spec) if request.wanted.lines else "",
        "spectrum": cannot_span(spec) if request.spectrum else "",
    }
    return tuple(f"{what}: {reason}" for what, reason in reasons.items() if reason)


def _structured(seen: Observation) -> Draw | None:
    """Returns how a tensor that was read is drawn, if places of values matter to it."""
    draw = seen.assignment.draw if seen.assignment and seen.summary else None
    return draw if draw and has_structure(draw.law) else None


def _with_structure(seen: Observation, verdict: StructureVerdict) -> Observation:
    unmeasured = (f"structure: {verdict.reason}",) if verdict.reason else ()
    return replace(seen, structure=verdict, unmeasured=seen.unmeasured + unmeasured)


def _with_spectrum(seen: Observation, spectrum: Spectrum) -> Observation:
    # Of a zero matrix all is known: no rank and no angles are to be had.
    is_known = not spectrum.reason or spectrum.largest == 0
    unmeasured = () if is_known else (f"spectrum: {spectrum.reason}",)
    return replace(seen, spectrum=spectrum, unmeasured=seen.unmeasured + unmeasured)
