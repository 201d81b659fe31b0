"""All that is known of a tensor's values once they have been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initcli.statistics.lines import Lines
    from initcli.statistics.summary import Summary
    from initcli.statistics.table import Table


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of finite values in bins of equal width.

    Attributes:
        low: Where the first bin begins: the minimum, or four standard deviations below the mean
            if that is more.
        high: Where the last bin ends, likewise.
        counts: Of each bin; the first and last hold what lies beyond them too. Twelve bins, or
            as many as are no narrower than the cells in which values were counted.
    """

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """How a tensor's finite values are distributed.

    Attributes:
        quantiles: By probability p: the value of rank ⌈p·n⌉, exactly where a table holds every
            value, else within 2⁻⁷ of it. What is nearer to zero than 2⁻¹²⁶ may be told as zero;
            None in float64 where a value is beyond that grid, at either end.
        histogram: None without a finite value.
        distinct: The number of distinct values but NaN; None where a key stands for several.
    """

    quantiles: dict[float, float | None]
    histogram: Histogram | None
    distinct: int | None


@dataclass(frozen=True, slots=True)
class Portrait:
    """A tensor's statistics.

    Attributes:
        summary: Counts, extrema and moments.
        distribution: Quantiles and histogram; None if not asked for, and for complex values.
        rows: Energies along the first dimension; None if not asked for or not checked.
        columns: Energies along the second dimension, likewise.
        digest: A hash of its bytes in hexadecimal; None if not asked for.
        table: How often each key of its dtype's grid occurred; None if not asked for.
    """

    summary: Summary
    distribution: Distribution | None = None
    rows: Lines | None = None
    columns: Lines | None = None
    digest: str | None = None
    table: Table | None = None
