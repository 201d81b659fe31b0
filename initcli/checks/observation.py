"""All that was learnt of one tensor: what a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initcli.core.tensor import TensorSpec
    from initcli.recipes.assign import Assignment
    from initcli.statistics.summary import Summary
    from initcli.theory.judge import Judgment


@dataclass(frozen=True, slots=True)
class Observation:
    """A tensor, its values, and what theory expects of them.

    Attributes:
        checkpoint: The path of its checkpoint as the user gave it.
        spec: Name, dtype and shape.
        summary: Its values; None if they were not read or cannot be decoded.
        assignment: The scheme it should follow; None if no theory was asked for.
        judgment: Its moments beside the scheme's law; None if there is nothing to judge.
        mean_off: Whether the mean departs from the law, over all tensors' errors.
        variance_off: Whether the second moment does.
    """

    checkpoint: str
    spec: TensorSpec
    summary: Summary | None
    assignment: Assignment | None = None
    judgment: Judgment | None = None
    mean_off: bool = False
    variance_off: bool = False
