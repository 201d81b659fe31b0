"""Finds out of pairs what takes another reading of both: asked for, or betrayed by the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from initcli.core.progress import SILENT, Progress
from initcli.engine.pairs import Pair, pair_ratios, pair_ulps
from initcli.engine.shifts import Sides, shifts
from initcli.engine.updates import cannot_update, updates
from initcli.reports.choice import named_columns
from initcli.reports.compare_columns import SHIFT_KEYS, SPECTRUM_KEYS, ULP_KEYS
from initcli.reports.compare_details import Details
from initcli.statistics.pair import PairSummary
from initcli.statistics.pair_ratio import factor_of, may_be_scaled
from initcli.statistics.pair_shift import Shift
from initcli.statistics.pair_ulps import Ulps
from initcli.statistics.pair_update import Update


@dataclass(frozen=True, slots=True)
class DetailRequest:
    """What to find out of every pair.

    Attributes:
        ulps: Whether representable values between them are counted.
        shift: Whether their distributions are compared.
        spectrum: Whether the singular values of differences are computed.
        jobs: Threads.
        progress: Told of every byte read.
    """

    ulps: bool = False
    shift: bool = False
    spectrum: bool = False
    jobs: int = 1
    progress: Progress = SILENT

    @classmethod
    def of(
        cls,
        columns: str | None,
        sort: str | None,
        *,
        spectrum: bool,
        jobs: int,
        progress: Progress,
    ) -> Self:
        """Builds a request from the columns that a user names, to be shown or to sort by."""
        asked = named_columns(columns, sort)
        return cls(
            bool(asked & ULP_KEYS),
            bool(asked & SHIFT_KEYS),
            spectrum or bool(asked & SPECTRUM_KEYS),
            jobs,
            progress,
        )

    @property
    def unmeasured_keys(self) -> set[str]:
        """The columns that nobody asked for, and that machines are not given empty."""
        groups = ((ULP_KEYS, self.ulps), (SHIFT_KEYS, self.shift), (SPECTRUM_KEYS, self.spectrum))
        return {key for keys, is_measured in groups if not is_measured for key in keys}


def details_of(
    by_name: Mapping[str, Pair],
    measured: Mapping[str, PairSummary],
    sides: Sequence[Sides],
    request: DetailRequest,
) -> tuple[dict[str, Details], dict[str, str]]:
    """Reads pairs again.

    Args:
        by_name: Tensors of equal shape.
        measured: How far apart they are.
        sides: All that both checkpoints have of one name, decoded, whatever the shapes.
        request: What to find out.

    Returns:
        What was found by name, and by name why something could not be.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    pairs = list(by_name.values())
    factors = _factors(pairs, measured, request)
    ulps = _ulps(pairs, request) if request.ulps else {}
    shifted = _shifts(sides, request) if request.shift else {}
    updated = _updates(pairs, measured, request) if request.spectrum else {}
    names = {*factors, *ulps, *shifted, *updated}
    details = {
        name: Details(factors.get(name), ulps.get(name), shifted.get(name), updated.get(name))
        for name in names
    }
    return details, {
        name: f"spectrum of the difference: {update.reason}"
        for name, update in updated.items()
        if update.reason
    }


def _factors(
    pairs: Sequence[Pair], measured: Mapping[str, PairSummary], request: DetailRequest
) -> dict[str, float | None]:
    chosen = {
        pair.name: pair
        for pair in pairs
        if may_be_scaled(measured[pair.name].distance, pair.a.spec.dtype, pair.b.spec.dtype)
    }
    request.progress.start(_size(chosen.values()))
    return {
        name: factor_of(
            ratio,
            measured[name].distance,
            chosen[name].a.spec.dtype,
            chosen[name].b.spec.dtype,
        )
        for name, ratio in pair_ratios(chosen.values(), request.jobs, request.progress)
    }


def _ulps(pairs: Sequence[Pair], request: DetailRequest) -> dict[str, Ulps]:
    chosen = [
        pair
        for pair in pairs
        if pair.a.spec.dtype == pair.b.spec.dtype and pair.a.spec.dtype.is_float
    ]
    request.progress.start(_size(chosen))
    return dict(pair_ulps(chosen, request.jobs, request.progress))


def _shifts(sides: Sequence[Sides], request: DetailRequest) -> dict[str, Shift | None]:
    request.progress.start(_size(sides))
    return dict(shifts(sides, request.jobs, request.progress))


def _updates(
    pairs: Sequence[Pair], measured: Mapping[str, PairSummary], request: DetailRequest
) -> dict[str, Update]:
    matrices = [pair for pair in pairs if pair.a.spec.is_matrix]
    reasons = {pair.name: cannot_update(pair) for pair in matrices}
    changed = [
        pair for pair in matrices if not reasons[pair.name] and measured[pair.name].distance.unequal
    ]
    found = {
        name: Update(reason=reason) if reason else Update(0.0, 0)
        for name, reason in reasons.items()
    }
    request.progress.start(_size(changed))
    return found | dict(updates(changed, request.progress))


def _size(pairs: Iterable[Pair | Sides]) -> int:
    return sum(pair.a.spec.nbytes + pair.b.spec.nbytes for pair in pairs)
