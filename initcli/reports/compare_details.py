"""What is known of two tensors beyond their one pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from initcli.reports.compare_row import CompareRow

if TYPE_CHECKING:
    from initcli.statistics.pair_shift import Shift
    from initcli.statistics.pair_ulps import Ulps
    from initcli.statistics.pair_update import Update


@dataclass(frozen=True, slots=True)
class Details:
    """What was found out of a pair beyond its one pass; None of what was not asked or is not so."""

    factor: float | None = None
    ulps: Ulps | None = None
    shift: Shift | None = None
    update: Update | None = None


def with_details(row: CompareRow, details: Details | None) -> CompareRow:
    """Adds to a row what else is known of its two tensors."""
    if details is None:
        return row
    ulps, shift, update = details.ulps, details.shift, details.update
    return replace(
        row,
        factor=details.factor,
        max_ulp=ulps.largest if ulps and ulps.pairs else None,
        mean_ulp=ulps.mean if ulps and ulps.pairs else None,
        ks=shift.ks if shift else None,
        psi=shift.psi if shift else None,
        delta_norm=update.norm if update else None,
        delta_rank=update.rank if update else None,
        looks_like="low-rank update" if update and update.is_low_rank else None,
    )
