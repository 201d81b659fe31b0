"""From the courses of tensors along checkpoints to rows."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from initcli.commands.comparing.tolerance import Tolerances
from initcli.engine.strands import Course
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.reports.compare_row import CompareRow, Side, compare_row
from initcli.reports.timeline import Numbers, StepRow, TimelineRow, cosine, finite, norm, ratio
from initcli.statistics.pair import Distance, PairSummary


@dataclass(frozen=True)
class Followed:
    """A tensor along checkpoints, and what was learnt of it.

    Attributes:
        name: What it is called.
        held: Where it lies, by the number of the checkpoint, in all that can be compared.
        along: How many checkpoints there are.
        course: What was learnt; None where fewer than two can be compared.
    """

    name: str
    held: Mapping[int, StoredTensor]
    along: int
    course: Course | None = None

    @property
    def moments(self) -> list[int]:
        """The numbers of the checkpoints that are held against the first of them."""
        return list(self.held)[1:]

    @property
    def first(self) -> StoredTensor:
        """The tensor where it is first."""
        return next(iter(self.held.values()))

    @cached_property
    def against_first(self) -> dict[int, PairSummary]:
        """What was learnt of each checkpoint beside the first."""
        return dict(zip(self.moments, self.course.from_first, strict=True)) if self.course else {}

    @cached_property
    def against_last(self) -> dict[int, PairSummary]:
        """What was learnt of each checkpoint beside the one before."""
        return dict(zip(self.moments, self.course.steps, strict=True)) if self.course else {}

    def is_within(self, tolerances: Tolerances, moment: int) -> bool:
        """Whether it is within tolerance of the first in one checkpoint."""
        if moment not in self.held:
            return False
        pair = self.against_first.get(moment)
        return pair is None or not self._compared(tolerances, moment, pair).is_difference

    def _compared(self, tolerances: Tolerances, moment: int, pair: PairSummary) -> CompareRow:
        a, b = self.first.spec, self.held[moment].spec
        allowed = tolerances.tolerance_for(self.name, a.dtype, b.dtype)
        return compare_row(Side(a), Side(b), pair, allow_cast=allowed.cast)


def tensor_row(one: Followed, labels: Sequence[str], tolerances: Tolerances) -> TimelineRow:
    """Returns a tensor's row."""
    spec = one.first.spec
    is_within = all(one.is_within(tolerances, moment) for moment in range(one.along))
    row = TimelineRow(
        one.name,
        spec.shape,
        " → ".join(dict.fromkeys(each.spec.dtype_name for each in one.held.values())),
        spec.parameters,
        checkpoints=len(one.held),
        absent=one.along - len(one.held),
        within="yes" if is_within else "no",
    )
    if one.course is None:
        return row
    steps = one.against_last
    row = replace(row, changes=sum(_has_changed(pair) for pair in steps.values()))
    if not spec.dtype.is_decoded:
        return row
    row = replace(row, incomparable=sum(pair.distance.incomparable for pair in steps.values()))
    return _with_numbers(_with_lists(row, one), one, labels)


def _has_changed(pair: PairSummary) -> bool:
    return not pair.same_bytes and bool(pair.distance.unequal)


def _with_lists(row: TimelineRow, one: Followed) -> TimelineRow:
    first, steps = one.against_first, one.against_last
    start = next(iter(one.held))
    own = {start: _first_norm(one)}
    return replace(
        row,
        norms=_along(one, own | {t: norm(each.distance.squares_b) for t, each in first.items()}),
        distances=_along(one, {start: 0.0} | {t: _length(each) for t, each in first.items()}),
        steps=_along(one, {t: _length(each) for t, each in steps.items()}),
        cosines=_along(one, {t: cosine(each.distance) for t, each in first.items()}),
    )


def _along(one: Followed, numbers: Mapping[int, float | None]) -> Numbers:
    found = (numbers.get(moment) for moment in range(one.along))
    return [None if value is None else finite(value) for value in found]


def _length(pair: PairSummary) -> float:
    return norm(pair.distance.squared)


def _first_norm(one: Followed) -> float:
    """Returns ‖x₀‖ over the values that are finite beside most others."""
    return norm(max(pair.distance.squares_a for pair in one.against_first.values()))


def _with_numbers(row: TimelineRow, one: Followed, labels: Sequence[str]) -> TimelineRow:
    first, steps = one.against_first, one.against_last
    compared = {t: pair for t, pair in first.items() if pair.distance.compared}
    if not compared:
        return row
    whole, last = _first_norm(one), max(compared)
    lengths = {t: _length(pair) for t, pair in steps.items()}
    drifts = {t: _length(pair) for t, pair in compared.items()}
    farthest, widest = (max(each, key=each.__getitem__) for each in (drifts, lengths))
    way = sum(lengths.values())
    return replace(
        row,
        drift=_relative(drifts[last], whole),
        cosine=cosine(compared[last].distance),
        drift_max=_relative(drifts[farthest], whole),
        drift_max_at=labels[farthest] if drifts[farthest] else None,
        step_max=_relative(lengths[widest], whole),
        step_max_at=labels[widest] if lengths[widest] else None,
        path=_relative(way, whole),
        straightness=drifts[last] / way if way else None,
    )


def _relative(length: float, whole: float) -> float:
    # What does not move has moved by nothing, of whatever it is.
    return ratio(length, whole) or 0.0


def step_rows(
    followed: Sequence[Followed], labels: Sequence[str], tolerances: Tolerances
) -> list[StepRow]:
    """Returns a row for each checkpoint, its tensors pooled."""
    return [_step_row(followed, t, label, tolerances) for t, label in enumerate(labels)]


def _step_row(
    followed: Sequence[Followed], moment: int, label: str, tolerances: Tolerances
) -> StepRow:
    held = [one for one in followed if moment in one.held]
    steps = [step for one in held if (step := one.against_last.get(moment))]
    is_within = all(one.is_within(tolerances, moment) for one in followed)
    row = StepRow(
        label,
        "yes" if is_within else "no",
        len(held),
        len(followed) - len(held),
        sum(map(_has_changed, steps)),
    )
    decoded = [one for one in held if one.first.spec.dtype.is_decoded]
    first = _pooled(one.against_first.get(moment) for one in decoded)
    last = _pooled(one.against_last.get(moment) for one in decoded)
    if first is None or last is None:
        return row
    whole = norm(first.squares_a)
    return replace(
        row,
        drift=_relative(norm(first.squared), whole),
        cosine=cosine(first),
        step=_relative(norm(last.squared), whole),
        incomparable=last.incomparable,
    )


def _pooled(pairs: Iterable[PairSummary | None]) -> Distance | None:
    found = [pair.distance for pair in pairs if pair]
    return functools.reduce(operator.add, found) if found else None
