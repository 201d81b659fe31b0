"""The report on more than two checkpoints in a row: how far each tensor came."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

from initcli.checks.difference import Departure
from initcli.checks.finding import Finding
from initcli.checks.gate import Gate
from initcli.checks.registry import CHECKS
from initcli.core.errors import InitcliError
from initcli.core.tensor import Shape
from initcli.core.text import plural
from initcli.reports.inquiry import Inquiry, inquiry_of_names
from initcli.reports.rows import Rows
from initcli.reports.table import Record, Records, Table, as_mapping, findings_document

if TYPE_CHECKING:
    from initcli.statistics.pair import Distance

Numbers = list[float | None]


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One tensor along the checkpoints.

    Distances are Frobenius norms over the pairs of values of which both are finite. What is
    relative is so to ‖x₀‖, the norm in the first checkpoint that has the tensor, and infinite
    where that vanishes. Lists have an entry for every checkpoint, None where there is nothing.

    Attributes:
        name: The tensor's name.
        checkpoints: In how many it has the shape it has first, and can be compared.
        absent: In how many it is missing, or of another shape or an undecoded dtype.
        within: `yes` if it is in all, and in none beyond tolerance of the first.
        changes: Steps in which any value changed; None if it was never compared.
        drift: ‖x_T − x₀‖ / ‖x₀‖ at the last.
        cosine: Of the angle between the last and the first.
        drift_max: The largest ‖x_t − x₀‖ / ‖x₀‖.
        drift_max_at: Where.
        step_max: The largest ‖x_t − x_(t−1)‖ / ‖x₀‖.
        step_max_at: Where it led to.
        path: Σ ‖x_t − x_(t−1)‖ / ‖x₀‖, the length of the way.
        straightness: ‖x_T − x₀‖ over the length of the way: 1 on a straight line.
        incomparable: Unequal values that are NaN or infinite on one side, of all steps.
        norms: ‖x_t‖.
        distances: ‖x_t − x₀‖.
        steps: ‖x_t − x_(t−1)‖.
        cosines: To the first.
    """

    name: str
    shape: Shape
    dtype: str
    parameters: int
    checkpoints: int
    absent: int
    within: str
    changes: int | None = None
    drift: float | None = None
    cosine: float | None = None
    drift_max: float | None = None
    drift_max_at: str | None = None
    step_max: float | None = None
    step_max_at: str | None = None
    path: float | None = None
    straightness: float | None = None
    incomparable: int | None = None
    norms: Numbers | None = None
    distances: Numbers | None = None
    steps: Numbers | None = None
    cosines: Numbers | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One checkpoint, over all tensors that can be compared.

    Attributes:
        checkpoint: Its label.
        tensors: How many are compared.
        absent: How many it lacks that others have, or has in another shape.
        changed: How many changed since the checkpoint before that has them.
        within: Whether none is absent, or beyond tolerance of the first.
        drift: ‖x_t − x₀‖ / ‖x₀‖ of all of them as one vector.
        cosine: Of the angle to the first, likewise.
        step: ‖x_t − x_(t−1)‖ / ‖x₀‖.
        incomparable: Unequal values that are NaN or infinite on one side, in this step.
    """

    checkpoint: str
    within: str
    tensors: int
    absent: int
    changed: int
    drift: float | None = None
    cosine: float | None = None
    step: float | None = None
    incomparable: int | None = None


def finite(value: float) -> float | None:
    """Returns a number that a list for machines can hold; None stands for any other."""
    return value if math.isfinite(value) else None


def norm(squares: float) -> float:
    """Returns the norm that a sum of squares is of."""
    return math.sqrt(squares)


def ratio(part: float, whole: float) -> float | None:
    """Returns part / whole; infinite where only the whole vanishes, None where both do."""
    if not whole:
        return math.inf if part else None
    return part / whole


def cosine(distance: Distance) -> float | None:
    """Returns the cosine of two tensors' angle; None where either vanishes."""
    return None if math.isnan(distance.cosine) else distance.cosine


@dataclass(frozen=True, slots=True)
class Labelled:
    """A checkpoint: what tells it apart from the others, and its path as the user gave it."""

    label: str
    path: str


class TimelineDocument(TypedDict):
    """What `initcli compare` found along more than two checkpoints.

    Attributes:
        checkpoints: In order.
        steps: A row each.
        tensors: A row each.
        findings: What checks found.
    """

    checkpoints: list[Labelled]
    steps: Annotated[Records, Rows(StepRow)]
    tensors: Annotated[Records, Rows(TimelineRow)]
    findings: Annotated[Records, Rows(Finding, is_whole=True)]


@dataclass(frozen=True, slots=True)
class TimelineReport:
    """How checkpoints in a row differ from the first, and each from the one before.

    Attributes:
        checkpoints: Label to the path that the user gave, in order.
        rows: One a tensor.
        steps: One a checkpoint.
        table: The rows to show.
        notes: What a reader should know.
        files: Every file that was read.
        passed: Whether the gate is open.
        findings: What checks found.
        failures: What could not be read, beside what could.
        asked: The codes of the checks that were asked.
        gate: Which findings fail the run.
        by: `step` if a row is shown for each checkpoint.
    """

    checkpoints: Mapping[str, str]
    rows: tuple[TimelineRow, ...]
    steps: tuple[StepRow, ...]
    table: Table
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    passed: bool
    findings: tuple[Finding, ...] = ()
    failures: tuple[InitcliError, ...] = ()
    asked: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)
    by: str | None = None

    schema = "initcli.timeline/1"

    @property
    def has_several(self) -> bool:
        """Whether findings that the rows do not tell come from both."""
        return len({each.checkpoint for each in self.told}) > 1

    @property
    def told(self) -> Sequence[Finding]:
        """What is not a difference: of those the rows tell."""
        return [each for each in self.findings if CHECKS[each.code].of is not Departure]

    @property
    def inquiry(self) -> Inquiry:
        """What was asked of every tensor, whatever the table shows."""
        last = list(self.checkpoints.values())[-1]
        names = (row.name for row in self.rows)
        return inquiry_of_names(last, names, self.asked, self.findings, self.gate)

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        never = sum(row.changes == 0 for row in self.rows)
        beyond = sum(row.within != "yes" for row in self.rows)
        outcome = "different" if beyond else "no difference beyond tolerance"
        where = f"{plural(len(self.rows), 'tensor')} along {len(self.checkpoints):,} checkpoints"
        return f"{outcome}: {where}, {never:,} never changed, {beyond:,} beyond tolerance"

    def document(self) -> TimelineDocument:
        """Returns everything, for machines."""
        shown = self.table.records()
        return {
            "checkpoints": [Labelled(label, path) for label, path in self.checkpoints.items()],
            "steps": shown if self.by else _records(self.steps),
            "tensors": _records(self.rows) if self.by else shown,
            "findings": findings_document(self.findings),
        }


def _records(rows: Sequence[TimelineRow] | Sequence[StepRow]) -> Records:
    def record(row: object) -> Record:
        return as_mapping(row)

    return Records(rows, record)
