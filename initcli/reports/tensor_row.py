"""One line of a report on tensors: measured, and beside it what theory expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from initcli.core.tensor import Shape

if TYPE_CHECKING:
    from initcli.statistics.portrait import Histogram


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
        structure: `ok`, what the scheme's structure lacks, or why it was not looked at; None of
            a scheme without.
        verdict: `ok`, what is off, or `not checked`.
        reason: Why nothing was drawn or judged.
        identity: Which initialisation it carries, in a line; None if not asked for.
        identity_p: The p-value of the best law that is kept, or of what rules all out.
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
    structure: str | None = None
    verdict: str | None = None
    reason: str | None = None
    identity: str | None = None
    identity_p: float | None = None
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
