"""How two tensors of one name relate, in words."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initcli.core.tensor import TensorSpec
    from initcli.statistics.pair import Distance, PairSummary


class Training(enum.StrEnum):
    """How much training changed values, by how much of them is left."""

    FROZEN = "frozen"
    LIGHT = "lightly tuned"
    TUNED = "tuned"
    REWRITTEN = "rewritten"


# Fine-tuning at the usual learning rates, and merged adapters, move weights by less.
_LIGHTEST = 0.05
# Below, less than half of B's energy lies along A: cos² is the share that does.
_HALF = math.sqrt(0.5)


class Status(enum.StrEnum):
    """How two tensors of one name relate; of reports, whose values are not at hand, by drift."""

    IDENTICAL = "identical"
    EQUAL = "equal in value"
    EQUAL_AFTER_CAST = "equal after cast"
    CHANGED = "changed"
    DTYPE = "dtype differs"
    SHAPE = "shape differs"
    DRIFTED = "drifted"
    ALIKE = "within sampling error"
    UNJUDGED = "not judged"
    ONLY_A = "only in A"
    ONLY_B = "only in B"


SAME = frozenset({Status.IDENTICAL, Status.EQUAL, Status.EQUAL_AFTER_CAST, Status.ALIKE})


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


def training_of(distance: Distance, *, is_same: bool) -> Training | None:
    """Says in a word how much of A is left in B; None if no pair can tell.

    `frozen` if no value differs; `rewritten` if less than half of B's energy lies along A, that is
    cos² < ½, or nothing is left: the cosine of independent draws is 0 ± 1/√n, whatever their
    scales; else `lightly tuned` up to ‖b − a‖ / ‖a‖ = 5 %, and `tuned` beyond.

    Args:
        distance: Of one tensor, or pooled over several.
        is_same: Whether values agree, be it after a cast.
    """
    if is_same or not distance.unequal:
        return Training.FROZEN
    if math.isnan(distance.relative):
        return None
    if distance.relative <= _LIGHTEST:  # which bounds the cosine from below
        return Training.LIGHT
    return Training.TUNED if distance.cosine >= _HALF else Training.REWRITTEN
