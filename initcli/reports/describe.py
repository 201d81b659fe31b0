"""Describes what was observed, of one tensor or of several, as a row of a report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from initcli.core.tensor import TensorSpec
from initcli.core.text import listed
from initcli.reports.tensor_columns import QUANTILES
from initcli.reports.tensor_row import TensorRow
from initcli.schemes.layout import torch_fans

if TYPE_CHECKING:
    from initcli.checks.observation import Observation
    from initcli.statistics.summary import Summary
    from initcli.theory.outlying import LineVerdict


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
        **_identity_cells(seen),
    }
    return TensorRow(
        seen.spec.name,
        seen.spec.parameters,
        seen.checkpoint,
        shape=seen.spec.shape,
        dtype=seen.spec.dtype_name,
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
    dtypes = {seen.spec.dtype_name for seen in observations}
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
    if summary.is_complex:  # whose infinities have no sign, and whose parts are not counted
        counts |= dict.fromkeys(("inf_positive", "inf_negative", "subnormal"))
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
    if seen.structure is not None:
        cells |= {"structure": seen.structure.off or seen.structure.reason or "ok"}
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
        for what, is_off in (
            ("mean", seen.mean_off),
            ("variance", seen.variance_off),
            ("structure", seen.structure is not None and seen.structure.off),
        )
        if is_off
    ]
    return f"{listed(off)} off" if off else "ok"


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


def _identity_cells(seen: Observation) -> Cells:
    if seen.identity is None:
        return {}
    return {"identity": seen.identity.text, "identity_p": seen.identity.p}


def _fan_in(spec: TensorSpec) -> int | None:
    has_fans = len(spec.shape) > 1 and spec.dtype.is_float and spec.parameters
    return int(torch_fans(spec.shape).fan_in) if has_fans else None
