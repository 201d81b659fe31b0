"""One line of a report on tensors: measured, and beside it what theory expects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from initcli.core.tensor import Shape, TensorSpec
from initcli.reports.tensor_columns import QUANTILES
from initcli.schemes.layer import Layer

if TYPE_CHECKING:
    from initcli.checks.observation import Observation
    from initcli.statistics.portrait import Histogram
    from initcli.statistics.summary import Summary
    from initcli.theory.outlying import LineVerdict


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
        skewness, kurtosis: Their third and fourth standardised moments; None for a constant, and
            for complex values and integers of more than 16 bits.
        p01, p05, p25, p50, p75, p95, p99: Their quantiles.
        hist: Their histogram.
        distinct: How many values differ, NaN apart; None for dtypes of more than 16 bits.
        mean_imaginary: The imaginary part of a complex mean.
        zeros, subnormal, nan, inf, inf_positive, inf_negative: Numbers of values.
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
        zero_rows, constant_rows, nonfinite_rows, outlying_rows, worst_row: What `LineVerdict`
            says of the first dimension.
        zero_columns, …, worst_column: Likewise of the second.
        largest_singular, stable_rank, orthogonality: As `Spectrum` defines them.
        hash: Of the bytes, in hexadecimal.
        duplicate_of: The first tensor of the checkpoint that holds the same bytes.
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
    skewness: float | None = None
    kurtosis: float | None = None
    p01: float | None = None
    p05: float | None = None
    p25: float | None = None
    p50: float | None = None
    p75: float | None = None
    p95: float | None = None
    p99: float | None = None
    hist: Histogram | None = None
    distinct: int | None = None
    zeros: int | None = None
    subnormal: int | None = None
    nan: int | None = None
    inf: int | None = None
    inf_positive: int | None = None
    inf_negative: int | None = None
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
    zero_rows: int | None = None
    constant_rows: int | None = None
    nonfinite_rows: int | None = None
    outlying_rows: int | None = None
    worst_row: str | None = None
    zero_columns: int | None = None
    constant_columns: int | None = None
    nonfinite_columns: int | None = None
    outlying_columns: int | None = None
    worst_column: str | None = None
    largest_singular: float | None = None
    stable_rank: float | None = None
    orthogonality: float | None = None
    hash: str | None = None
    duplicate_of: str | None = None
    findings: str | None = None


Cells = Mapping[str, object]
"""Attributes of a row by name."""


def tensor_row(
    seen: Observation, action: str | None = None, findings: str | None = None
) -> TensorRow:
    """Returns the row of one tensor."""
    fan_in = _fan_in(seen.spec)
    # A row is built at once: of a hundred thousand, each copy would take a second.
    cells: dict[str, object] = {
        **_summary_cells(seen.summary, fan_in),
        **_theory_cells(seen),
        **_distribution_cells(seen),
        **_line_cells(seen.rows, "row"),
        **_line_cells(seen.columns, "column"),
        **_spectrum_cells(seen),
    }
    return TensorRow(
        seen.spec.name,
        seen.spec.parameters,
        seen.checkpoint,
        shape=seen.spec.shape,
        dtype=seen.spec.dtype.code,
        fan_in=fan_in,
        action=action,
        findings=findings,
        hash=seen.digest,
        duplicate_of=seen.duplicate_of,
        **cells,  # type: ignore[arg-type]
    )


def pooled_row(name: str, observations: Sequence[Observation], checkpoint: str = "") -> TensorRow:
    """Returns the row of several tensors together.

    Counts are over all of them; moments and extrema over the real floating-point ones, so that
    a batch counter does not distort the statistics of weights.
    """
    dtypes = {seen.spec.dtype.code for seen in observations}
    read = [seen.summary for seen in observations if seen.summary is not None]
    floats = [seen.summary for seen in observations if seen.spec.dtype.is_float and seen.summary]
    counts = {
        key: sum(getattr(summary, attribute) for summary in read) if read else None
        for key, attribute in _COUNTS.items()
    }
    cells = {**_summary_cells(reduce(add, floats) if floats else None, None), **counts}
    return TensorRow(
        name,
        sum(seen.spec.parameters for seen in observations),
        checkpoint,
        tensors=len(observations),
        dtype=dtypes.pop() if len(dtypes) == 1 else None,
        **cells,  # type: ignore[arg-type]
    )


_COUNTS = {
    "zeros": "zeros",
    "subnormal": "subnormal",
    "nan": "nan",
    "inf": "infinite",
    "inf_positive": "positive",
    "inf_negative": "negative",
}


def _summary_cells(summary: Summary | None, fan_in: int | None) -> Cells:
    if summary is None:
        return {}
    counts: dict[str, object] = {
        key: getattr(summary, attribute) for key, attribute in _COUNTS.items()
    }
    if not summary.finite:
        return counts
    mean, variance = summary.mean, summary.variance
    std = math.sqrt(variance)
    return counts | {
        "mean": mean.real,
        "mean_imaginary": mean.imag if isinstance(mean, complex) else None,
        "std": std,
        "variance": variance,
        "skewness": _present(summary.moments.skewness),
        "kurtosis": _present(summary.moments.kurtosis),
        "min": summary.minimum,
        "max": summary.maximum,
        "gain": std * math.sqrt(fan_in) if fan_in else None,
    }


def _present(number: float) -> float | None:
    return None if math.isnan(number) else number


def _theory_cells(seen: Observation) -> Cells:
    assignment, judgment = seen.assignment, seen.judgment
    if assignment is None:
        return {}
    cells: dict[str, object] = {
        "scheme": assignment.scheme or None,
        "reason": assignment.reason or None,
    }
    if assignment.draw is not None:
        law = assignment.draw.law
        cells |= {"theory_mean": law.mean, "theory_variance": law.variance}
    if judgment is None:
        return cells | ({"verdict": "not checked"} if assignment.scheme else {})
    return cells | {
        "stored_variance": judgment.stored.variance,
        "ratio": judgment.ratio,
        "z": judgment.variance.z,
        "mean_z": judgment.mean.z,
        "verdict": _verdict(seen),
    }


def _verdict(seen: Observation) -> str:
    off = [
        what
        for what, is_off in (("mean", seen.mean_off), ("variance", seen.variance_off))
        if is_off
    ]
    return f"{' and '.join(off)} off" if off else "ok"


def _distribution_cells(seen: Observation) -> Cells:
    if seen.distribution is None:
        return {}
    quantiles = {
        key: seen.distribution.quantiles.get(probability) for key, probability in QUANTILES.items()
    }
    return {
        **quantiles,
        "hist": seen.distribution.histogram,
        "distinct": seen.distribution.distinct,
    }


def _line_cells(verdict: LineVerdict | None, kind: str) -> Cells:
    if verdict is None:
        return {}
    return {
        f"zero_{kind}s": verdict.zero,
        f"constant_{kind}s": verdict.constant,
        f"nonfinite_{kind}s": verdict.hurt,
        f"outlying_{kind}s": verdict.outlying,
        f"worst_{kind}": verdict.worst,
    }


def _spectrum_cells(seen: Observation) -> Cells:
    if seen.spectrum is None:
        return {}
    return {
        "largest_singular": seen.spectrum.largest,
        "stable_rank": seen.spectrum.stable_rank,
        "orthogonality": seen.spectrum.orthogonality,
    }


def _fan_in(spec: TensorSpec) -> int | None:
    has_fans = len(spec.shape) > 1 and spec.dtype.is_float and spec.parameters
    return Layer(spec.shape).fan_in if has_fans else None
