"""All that is known of a tensor's values once they have been read."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.statistics.distribution import Distribution
from initcli.statistics.lines import Lines
from initcli.statistics.summary import Summary


@dataclass(frozen=True, slots=True)
class Portrait:
    """A tensor's statistics.

    Attributes:
        summary: Counts, extrema and moments.
        distribution: Quantiles and histogram; None if not asked for, and for complex values.
        rows: Energies along the first dimension; None if not asked for or not checked.
        columns: Energies along the second dimension, likewise.
        digest: A hash of its bytes in hexadecimal; None if not asked for.
    """

    summary: Summary
    distribution: Distribution | None = None
    rows: Lines | None = None
    columns: Lines | None = None
    digest: str | None = None
