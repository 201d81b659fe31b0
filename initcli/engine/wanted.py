"""What to learn of values, said before any is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to learn of values beyond their summary.

    Attributes:
        probabilities: Of which quantiles, beside the histogram; none leaves both out.
        lines: Whether rows and columns are looked at.
        digest: Whether bytes are hashed.
        table: Whether the counts of values are kept.
    """

    probabilities: Sequence[float] = ()
    lines: bool = False
    digest: bool = False
    table: bool = False


PLAIN = Wanted()
