"""One name in two checkpoints: how the tensors relate, and how far they are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from initcli.core.tensor import Shape
from initcli.reports.compare_status import SAME, Status, Training, status_of, training_of

if TYPE_CHECKING:
    from initcli.core.tensor import TensorSpec
    from initcli.statistics.moments import AnyMoments
    from initcli.statistics.pair import Distance, PairSummary


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One name in two checkpoints.

    Attributes:
        name: The tensor's name.
        status: How the two relate; under `dtype differs` the values differ too, or cannot be
            held against each other.
        within: `yes` if no value is beyond the tolerance, `no` otherwise; None if not compared.
        parameters: The number of values in A, or in B where A has none.
        max_abs: The largest |a − b| of finite pairs.
        mean_abs: The mean |a − b| of finite pairs.
        relative: ‖a − b‖ / ‖a‖.
        cosine: The cosine of the angle between the two as vectors.
        beyond: Values beyond the tolerance.
        factor: c where B = c·A to within rounding, c ≠ 1, as `factor_of` finds it.
        incomparable: Unequal pairs of which a value is NaN or infinite; with one, max_abs is NaN.
        unequal: Values that differ at all.
        changed: Their share of all values.
        sign_flips: Pairs of opposite sign, neither zero; complex numbers have none.
        training: How much of A is left in B, as `training_of` words it.
        max_ulp, mean_ulp: Representable values between those of a pair, of one float dtype.
        ks, psi: As `Shift` defines them.
        delta_norm, delta_rank: The spectral norm of B − A, and its rank beside rounding.
        looks_like: `low-rank update` where B − A looks like a merged adapter.
        drifted: Of reports, the statistics that moved beyond their sampling errors.
        mean_a, mean_b, std_a, std_b: Of the finite values.
        name_b: What B calls it, where that is another name.
        matched: How it was compared, if not value by value: `transposed`, `part`, or both.
    """

    name: str
    status: Status
    parameters: int
    within: str | None = None
    shape_a: Shape | None = None
    shape_b: Shape | None = None
    dtype_a: str | None = None
    dtype_b: str | None = None
    max_abs: float | None = None
    mean_abs: float | None = None
    relative: float | None = None
    cosine: float | None = None
    beyond: int | None = None
    factor: float | None = None
    incomparable: int | None = None
    max_ulp: int | None = None
    mean_ulp: float | None = None
    ks: float | None = None
    psi: float | None = None
    delta_norm: float | None = None
    delta_rank: int | None = None
    looks_like: str | None = None
    drifted: str | None = None
    unequal: int | None = None
    changed: float | None = None
    sign_flips: int | None = None
    training: Training | None = None
    mean_a: float | None = None
    mean_b: float | None = None
    std_a: float | None = None
    std_b: float | None = None
    name_b: str | None = None
    matched: str | None = None

    @property
    def shape(self) -> str:
        """Both shapes, told once where they agree."""
        return _both(_times(self.shape_a), _times(self.shape_b))

    @property
    def dtype(self) -> str:
        """Both dtypes, told once where they agree."""
        return _both(self.dtype_a, self.dtype_b)

    @property
    def is_difference(self) -> bool:
        """Whether it is a difference beyond tolerance."""
        return self.within != "yes" and self.status is not Status.UNJUDGED


@dataclass(frozen=True, slots=True)
class Side:
    """A tensor as one checkpoint has it; nothing if it has none of the name."""

    spec: TensorSpec | None = None
    moments: AnyMoments | None = None


def compare_row(
    a: Side,
    b: Side,
    pair: PairSummary | None,
    *,
    allow_cast: bool = True,
    check_dtype: bool = False,
) -> CompareRow:
    """Returns the row of one name; at least one side holds it.

    Args:
        a: The tensor in A.
        b: The tensor in B.
        pair: Their distance; None if they cannot be held against each other.
        allow_cast: Whether values that are equal after cast count as within tolerance.
        check_dtype: Whether unequal dtypes are a difference whatever the values.
    """
    spec = a.spec or b.spec
    if spec is None:
        raise ValueError("a name that neither side holds")
    row = CompareRow(
        spec.name,
        status_of(a.spec, b.spec, pair),
        spec.parameters,
        shape_a=a.spec.shape if a.spec else None,
        shape_b=b.spec.shape if b.spec else None,
        dtype_a=a.spec.dtype_name if a.spec else None,
        dtype_b=b.spec.dtype_name if b.spec else None,
        mean_a=_mean(a.moments),
        mean_b=_mean(b.moments),
        std_a=_std(a.moments),
        std_b=_std(b.moments),
    )
    if pair is None:
        return row
    distance = pair.distance
    if row.status in SAME and (allow_cast or row.status is not Status.EQUAL_AFTER_CAST):
        distance = replace(distance, beyond=0, incomparable=0)
    is_refused = check_dtype and row.dtype_a != row.dtype_b
    row = replace(row, within="no" if distance.beyond or is_refused else "yes")
    if not spec.dtype.is_decoded:
        return replace(row, training=Training.FROZEN) if row.status in SAME else row
    row = replace(row, training=training_of(pair.distance, is_same=row.status in SAME))
    return _with_distance(row, distance)


def _with_distance(row: CompareRow, distance: Distance) -> CompareRow:
    row = replace(
        row,
        beyond=distance.beyond,
        incomparable=distance.incomparable,
        unequal=distance.unequal,
        changed=distance.unequal / row.parameters if row.parameters else None,
        sign_flips=distance.sign_flips,
    )
    if not distance.compared:
        return row
    return replace(
        row,
        max_abs=math.nan if distance.incomparable else distance.largest,
        mean_abs=distance.mean_absolute,
        relative=distance.relative,
        cosine=None if math.isnan(distance.cosine) else distance.cosine,
    )


def _both(a: str | None, b: str | None) -> str:
    return f"{a} → {b}" if a and b and a != b else a or b or ""


def _times(shape: Shape | None) -> str | None:
    return None if shape is None else "×".join(map(str, shape)) or "scalar"


def _mean(moments: AnyMoments | None) -> float | None:
    return moments.mean.real if moments is not None and moments.count else None


def _std(moments: AnyMoments | None) -> float | None:
    return math.sqrt(moments.variance) if moments is not None and moments.count else None
