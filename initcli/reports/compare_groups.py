"""Pairs of tensors pooled by what they have in common, to show where training happened."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from initcli.reports.compare_row import CompareRow
from initcli.reports.compare_status import SAME, Training, training_of
from initcli.statistics.pair import Distance


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Several names in two checkpoints, as if their tensors were one.

    Attributes:
        name: What they have in common.
        tensors: How many there are.
        uncompared: How many of them have no distance: one side lacks them, or shapes differ, or
            their dtype is not decoded.
        parameters: The number of values of the others.
        within: `yes` if no tensor is a difference beyond tolerance, `no` otherwise.
        max_abs, mean_abs, relative, cosine, changed, sign_flips: As of a row, over all values.
        training: How much of A is left in B, as `training_of` words it.
    """

    name: str
    tensors: int
    uncompared: int
    parameters: int
    within: str
    max_abs: float | None = None
    mean_abs: float | None = None
    relative: float | None = None
    cosine: float | None = None
    changed: float | None = None
    sign_flips: int | None = None
    training: Training | None = None

    @property
    def is_difference(self) -> bool:
        """Whether any tensor is a difference beyond tolerance, or anything changed at all."""
        return self.within == "no" or self.training is not Training.FROZEN


def group_rows(
    rows: Iterable[CompareRow], distances: Mapping[str, Distance], keys: Mapping[str, str]
) -> tuple[GroupRow, ...]:
    """Pools rows by their keys, in the order of first appearance.

    Args:
        rows: One a name.
        distances: How far apart tensors are, by name.
        keys: What each name is pooled by.
    """
    groups: dict[str, list[CompareRow]] = {}
    for row in rows:
        groups.setdefault(keys[row.name], []).append(row)
    return tuple(_pooled(name, group, distances) for name, group in groups.items())


def _pooled(name: str, rows: Sequence[CompareRow], distances: Mapping[str, Distance]) -> GroupRow:
    compared = [row for row in rows if row.unequal is not None]
    distance = sum((_changes(row, distances[row.name]) for row in compared), Distance())
    parameters = sum(row.parameters for row in compared)
    group = GroupRow(
        name,
        len(rows),
        sum(row.unequal is None and row.status not in SAME for row in rows),
        parameters,
        "no" if any(row.is_difference for row in rows) else "yes",
    )
    if not compared:
        is_same = all(row.status in SAME for row in rows)
        return replace(group, training=Training.FROZEN) if is_same else group
    return _with_distance(group, distance)


def _changes(row: CompareRow, distance: Distance) -> Distance:
    """Values that agree after a cast have not changed, nor has NaN in what is identical."""
    return replace(distance, unequal=0, incomparable=0) if row.status in SAME else distance


def _with_distance(group: GroupRow, distance: Distance) -> GroupRow:
    group = replace(
        group,
        changed=distance.unequal / group.parameters if group.parameters else None,
        sign_flips=distance.sign_flips,
        training=training_of(distance, is_same=False),
    )
    if not distance.compared:
        return group
    return replace(
        group,
        max_abs=math.nan if distance.incomparable else distance.largest,
        mean_abs=distance.mean_absolute,
        relative=distance.relative,
        cosine=None if math.isnan(distance.cosine) else distance.cosine,
    )
