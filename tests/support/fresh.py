"""Fresh checkpoints in memory, and what is learnt of them on the road that `stats` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from initcli.checks.contents import Contents
from initcli.checks.finding import Finding, Severity
from initcli.checks.observation import Observation
from initcli.checks.registry import run_checks
from initcli.commands.observing.rejections import with_rejections
from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.engine.draw import drawn_parts
from initcli.recipes.assign import Assignment
from initcli.schemes.layer import Layer
from initcli.schemes.spec import parse_scheme
from initcli.statistics.fold import summarise
from initcli.theory.judge import cannot_judge, judge

Shape = tuple[int, ...]


def drawn(scheme: str, spec: TensorSpec, seed: int) -> bytes:
    """Returns the bytes that `init` writes for a tensor."""
    draw = parse_scheme(scheme).draw(Layer(spec.shape, spec.name))
    return b"".join(bytes(raw) for part in drawn_parts(draw, spec, seed) for raw in part.chunks())


def observed(spec: TensorSpec, raw: bytes, scheme: str = "") -> Observation:
    """Returns what is learnt of a tensor, beside the scheme that is expected of it, if any."""
    summary = summarise(memoryview(raw), spec.dtype)
    if not scheme:
        return Observation("fresh", spec, summary)
    draw = parse_scheme(scheme).draw(Layer(spec.shape, spec.name))
    judgment = None if cannot_judge(draw.law, summary) else judge(draw.law, spec.dtype, summary)
    return Observation("fresh", spec, summary, Assignment(draw, scheme), judgment)


def fresh(
    layers: Mapping[str, tuple[str, Shape]], code: str, seed: int, expected: str = ""
) -> list[Observation]:
    """Returns a checkpoint of layers, each drawn by its scheme and held against it.

    Args:
        layers: Scheme and shape by name.
        code: The dtype of all.
        seed: Of all draws.
        expected: What they are held against instead.
    """
    specs = {name: TensorSpec(name, DTYPES[code], shape) for name, (_, shape) in layers.items()}
    return [
        observed(specs[name], drawn(scheme, specs[name], seed), expected or scheme)
        for name, (scheme, _) in layers.items()
    ]


def without_schemes(seen: Sequence[Observation]) -> list[Observation]:
    """Returns what is learnt of the same tensors where nothing is expected of them."""
    return [replace(each, assignment=None, judgment=None) for each in seen]


def found(seen: Sequence[Observation], alpha: float) -> list[Finding]:
    """Returns the warnings and errors of one checkpoint."""
    marked = with_rejections(seen, alpha, 1e-3)
    findings = run_checks(chain(marked, [Contents("fresh", marked)]))
    return [each for each in findings if each.severity is not Severity.NOTE]
