"""The report of `initcli compare`."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from initcli.core.text import plural
from initcli.reports.proposal import Proposal
from initcli.reports.table import Table

if TYPE_CHECKING:
    from initcli.checks.finding import Finding
    from initcli.core.tensor import Shape, TensorSpec
    from initcli.statistics.moments import AnyMoments
    from initcli.statistics.pair import Distance, PairSummary


class Status(enum.StrEnum):
    """How two tensors of one name relate."""

    IDENTICAL = "identical"
    EQUAL = "equal in value"
    EQUAL_AFTER_CAST = "equal after cast"
    CHANGED = "changed"
    DTYPE = "dtype differs"
    SHAPE = "shape differs"
    ONLY_A = "only in A"
    ONLY_B = "only in B"


SAME = frozenset({Status.IDENTICAL, Status.EQUAL, Status.EQUAL_AFTER_CAST})


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
        incomparable: Unequal pairs of which a value is NaN or infinite; with one, max_abs is NaN.
        unequal: Values that differ at all.
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
    incomparable: int | None = None
    unequal: int | None = None
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
        return self.within != "yes"


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
        dtype_a=a.spec.dtype.code if a.spec else None,
        dtype_b=b.spec.dtype.code if b.spec else None,
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
    return _with_distance(row, distance) if spec.dtype.is_decoded else row


def status_of(a: TensorSpec | None, b: TensorSpec | None, pair: PairSummary | None) -> Status:
    """Returns how two tensors relate."""
    if a is None or b is None:
        return Status.ONLY_B if a is None else Status.ONLY_A
    if a.shape != b.shape:
        return Status.SHAPE
    if pair is None:
        return Status.DTYPE
    if pair.same_bytes:
        return Status.IDENTICAL
    if a.dtype == b.dtype:
        return Status.CHANGED if pair.distance.unequal else Status.EQUAL
    is_equal = not pair.distance.unequal_as_a or not pair.distance.unequal_as_b
    return Status.EQUAL_AFTER_CAST if is_equal else Status.DTYPE


def _with_distance(row: CompareRow, distance: Distance) -> CompareRow:
    row = replace(
        row,
        beyond=distance.beyond,
        incomparable=distance.incomparable,
        unequal=distance.unequal,
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


@dataclass(frozen=True, slots=True)
class CompareReport:
    """What differs between two checkpoints.

    Attributes:
        a: The first path as the user gave it.
        b: The second.
        rows: One a name, those of A in A's order and then what only B holds.
        table: The rows to show.
        notes: What a reader should know.
        files: Every file that was read.
        passed: Whether nothing differs beyond tolerance.
        proposals: Renames that pair, or if followed have paired, what no name does.
    """

    a: str
    b: str
    rows: tuple[CompareRow, ...]
    table: Table
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    passed: bool
    proposals: tuple[Proposal, ...] = ()

    schema = "initcli.compare/1"
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        outcome = "no difference beyond tolerance" if self.passed else "different"
        return f"{outcome}: {_counted(self.rows)}"

    def document(self) -> dict[str, object]:
        """Returns everything, for machines."""
        counts = Counter(str(row.status) for row in self.rows)
        return {
            "a": self.a,
            "b": self.b,
            "counts": counts,
            "proposals": self.proposals,
            "tensors": self.table.records(),
        }


def _counted(rows: Iterable[CompareRow]) -> str:
    counts = Counter(row.status for row in rows)
    beyond = sum(row.is_difference for row in rows)
    parts = ", ".join(f"{counts[status]:,} {status}" for status in Status if counts[status])
    return f"{parts or plural(0, 'tensor')}; {beyond:,} beyond tolerance"
