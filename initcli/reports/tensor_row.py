"""One line of a report on tensors: measured, and beside it what theory expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from initcli.core.tensor import Shape, TensorSpec
from initcli.reports.table import Column, Form
from initcli.schemes.layer import Layer

if TYPE_CHECKING:
    from initcli.checks.observation import Observation
    from initcli.statistics.summary import Summary

COLUMNS = (
    Column("checkpoint", Form.TEXT, 99),
    Column("name", Form.TEXT, 100),
    Column("tensors", Form.COUNT, 85),
    Column("action", Form.TEXT, 96),
    Column("scheme", Form.TEXT, 64, is_default=False),
    Column("shape", Form.SHAPE, 80),
    Column("dtype", Form.TEXT, 70),
    Column("parameters", Form.COUNT, 65),
    Column("mean", Form.NUMBER, 88),
    Column("std", Form.NUMBER, 90),
    Column("variance", Form.NUMBER, 63),
    Column("min", Form.NUMBER, 50),
    Column("max", Form.NUMBER, 50),
    Column("zeros", Form.COUNT, 66),
    Column("nan", Form.COUNT, 68, is_urgent=True),
    Column("inf", Form.COUNT, 67, is_urgent=True),
    Column("gain", Form.NUMBER, 62),
    Column("theory_mean", Form.NUMBER, 60),
    Column("theory_variance", Form.NUMBER, 87),
    Column("ratio", Form.NUMBER, 89),
    Column("z", Form.NUMBER, 86),
    Column("verdict", Form.TEXT, 95),
    Column("findings", Form.TEXT, 20, is_default=False),
    Column("mean_imaginary", Form.NUMBER, 10, is_default=False),
    Column("mean_z", Form.NUMBER, 10, is_default=False),
    Column("stored_variance", Form.NUMBER, 10, is_default=False),
    Column("fan_in", Form.COUNT, 10, is_default=False),
    Column("reason", Form.TEXT, 10, is_default=False),
)

METADATA_KEYS = frozenset(
    {"checkpoint", "name", "tensors", "shape", "dtype", "parameters", "fan_in"}
)


@dataclass(frozen=True, slots=True)
class TensorRow:
    """A tensor, or the pool of several, in a report.

    Attributes:
        name: The tensor's name, or what the pooled tensors have in common.
        parameters: The number of values.
        checkpoint: The checkpoint's path as the user gave it; empty for pools over several.
        tensors: How many tensors are pooled; None for a single one.
        shape: The logical shape; None for a pool.
        dtype: The dtype's safetensors name; None for a pool of several.
        mean, std, variance, min, max: Of the finite values; None without one. The variance
            divides by n.
        mean_imaginary: The imaginary part of a complex mean.
        zeros, nan, inf: Numbers of values.
        fan_in: Inputs of one unit, as torch counts them; None below two dimensions.
        gain: std·√fan_in.
        action: What init did with the tensor.
        scheme: The scheme that is expected.
        theory_mean, theory_variance: The scheme's law as drawn.
        stored_variance: The law's variance after rounding to the dtype.
        ratio: Measured over theoretical variance.
        z: Distance of the second moment from the stored law's, in standard errors.
        mean_z: Distance of the mean, in standard errors.
        verdict: `ok`, what is off, or `not checked`.
        reason: Why nothing was drawn or judged.
        findings: The codes of what checks found.
    """

    name: str
    parameters: int
    checkpoint: str = ""
    tensors: int | None = None
    shape: Shape | None = None
    dtype: str | None = None
    mean: float | None = None
    mean_imaginary: float | None = None
    std: float | None = None
    variance: float | None = None
    min: float | int | None = None
    max: float | int | None = None
    zeros: int | None = None
    nan: int | None = None
    inf: int | None = None
    fan_in: int | None = None
    gain: float | None = None
    action: str | None = None
    scheme: str | None = None
    theory_mean: float | None = None
    theory_variance: float | None = None
    stored_variance: float | None = None
    ratio: float | None = None
    z: float | None = None
    mean_z: float | None = None
    verdict: str | None = None
    reason: str | None = None
    findings: str | None = None


def tensor_row(seen: Observation, action: str | None = None) -> TensorRow:
    """Returns the row of one tensor."""
    fan_in = _fan_in(seen.spec)
    row = TensorRow(
        seen.spec.name,
        seen.spec.parameters,
        seen.checkpoint,
        shape=seen.spec.shape,
        dtype=seen.spec.dtype.code,
        fan_in=fan_in,
        action=action,
    )
    return _with_theory(_with_summary(row, seen.summary), seen)


def pooled_row(name: str, observations: Sequence[Observation]) -> TensorRow:
    """Returns the row of several tensors together.

    Counts are over all of them; moments and extrema over the real floating-point ones, so that
    a batch counter does not distort the statistics of weights.
    """
    dtypes = {seen.spec.dtype.code for seen in observations}
    row = TensorRow(
        name,
        sum(seen.spec.parameters for seen in observations),
        tensors=len(observations),
        dtype=dtypes.pop() if len(dtypes) == 1 else None,
    )
    read = [seen for seen in observations if seen.summary is not None]
    floats = [seen.summary for seen in read if seen.spec.dtype.is_float and seen.summary]
    row = _with_summary(row, _pool(floats))
    return replace(
        row,
        zeros=sum(seen.summary.zeros for seen in read if seen.summary) if read else None,
        nan=sum(seen.summary.nan for seen in read if seen.summary) if read else None,
        inf=sum(seen.summary.infinite for seen in read if seen.summary) if read else None,
    )


def _pool(summaries: Sequence[Summary]) -> Summary | None:
    return reduce(add, summaries) if summaries else None


def _with_summary(row: TensorRow, summary: Summary | None) -> TensorRow:
    if summary is None:
        return row
    row = replace(row, zeros=summary.zeros, nan=summary.nan, inf=summary.infinite)
    if not summary.finite:
        return row
    return replace(
        row,
        mean=summary.mean.real,
        mean_imaginary=summary.mean.imag if isinstance(summary.mean, complex) else None,
        std=summary.std,
        variance=summary.variance,
        min=summary.minimum,
        max=summary.maximum,
        gain=summary.std * math.sqrt(row.fan_in) if row.fan_in else None,
    )


def _with_theory(row: TensorRow, seen: Observation) -> TensorRow:
    assignment, judgment = seen.assignment, seen.judgment
    if assignment is None:
        return row
    row = replace(row, scheme=assignment.scheme or None, reason=assignment.reason or None)
    if assignment.draw is not None:
        law = assignment.draw.law
        row = replace(row, theory_mean=law.mean, theory_variance=law.variance)
    if judgment is None:
        return replace(row, verdict="not checked") if assignment.scheme else row
    return replace(
        row,
        stored_variance=judgment.stored.variance,
        ratio=judgment.ratio,
        z=judgment.variance.z,
        mean_z=judgment.mean.z,
        verdict=_verdict(seen),
    )


def _verdict(seen: Observation) -> str:
    off = [
        what
        for what, is_off in (("mean", seen.mean_off), ("variance", seen.variance_off))
        if is_off
    ]
    return f"{' and '.join(off)} off" if off else "ok"


def _fan_in(spec: TensorSpec) -> int | None:
    has_fans = len(spec.shape) > 1 and spec.dtype.is_float and spec.parameters
    return Layer(spec.shape).fan_in if has_fans else None
