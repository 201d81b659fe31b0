"""All that is accumulated of one tensor's values: a table, and beside it what no table tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from initcli.core.dtypes import DType
from initcli.statistics.counted import summary_of
from initcli.statistics.summary import Summary
from initcli.statistics.table import Table


@dataclass(frozen=True, slots=True)
class Accumulator:
    """Values of one dtype, merged from chunks.

    Attributes:
        dtype: A decoded dtype.
        table: How often each key of the dtype's grid occurred; empty for complex values.
        tally: Counts, extrema and moments of what the table does not hold exactly; None where it
            holds every value.
    """

    dtype: DType
    table: Table = field(default_factory=Table.empty)
    tally: Summary | None = None

    @property
    def summary(self) -> Summary:
        """Counts, extrema and moments; computed anew at each call."""
        return summary_of(self.table, self.dtype) if self.tally is None else self.tally

    def __add__(self, other: Self) -> Self:
        """Pools two disjoint sets of values of one dtype."""
        tally = None
        if self.tally is not None and other.tally is not None:
            tally = self.tally + other.tally
        return type(self)(self.dtype, self.table + other.table, tally)
