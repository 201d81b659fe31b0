"""The verdict on a tensor, from all that was held against it.

A tensor's share of the family-wise error is halved between its marginal and its places, as
`initcli.theory.identify.power.level_of` does. If a law of the catalogue is the truth, that is the
chance that it is missing from the set that is kept, or the tensor called not at initialisation, as
far as p-values hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from initcli.core.dtypes import DType
from initcli.core.text import plural
from initcli.schemes.law import Law
from initcli.theory.identify.catalogue import Candidate
from initcli.theory.identify.families import fitted_family
from initcli.theory.identify.identity import Fit, Identity, Kind, law_text
from initcli.theory.identify.leaking import leaking
from initcli.theory.identify.marginal import Held, Values, hold
from initcli.theory.identify.places import Places
from initcli.theory.identify.power import RATIO, needed
from initcli.theory.identify.remapped import remapped

# A law whose scale is out by so much, in standard errors, is refused by any test.
_HOPELESS = 40.0
_NARROW_BITS = 8
# What rounding to 16 bits, or underflow there, may do to a standard deviation.
_ROUNDING = 0.2
_NEAREST = 3
_MOST_READINGS = 2


@dataclass(frozen=True, slots=True)
class Marginal:
    """What a tensor's values show, whatever their places.

    Attributes:
        kept: The laws that are kept, the likeliest first.
        nearest: Of those that are not, the nearest.
        family: The fitted family, where no law is kept; empty if none fits.
        zero_rows: How many rows of zeros were left out.
    """

    kept: tuple[Fit, ...]
    nearest: tuple[Fit, ...] = ()
    family: str = ""
    zero_rows: int = 0


def judge_marginal(values: Values, candidates: Sequence[Candidate], level: float) -> Marginal:
    """Holds values against every candidate, and fits a family where none is kept.

    Args:
        values: Finite, and not all equal.
        candidates: The catalogue for the tensor.
        level: What a law's p-value must reach.
    """
    hopeful = [each for each in candidates if not _is_hopeless(each.law, values)]
    read = [(each, law) for each in hopeful for law in _readings(each.law, values.dtype)]
    held = hold(values, [law for _, law in read], _MOST_READINGS * len(candidates))
    fits: dict[Candidate, Fit] = {}
    for (candidate, _), one in zip(read, held, strict=True):
        fit = _fit(candidate, one)
        fits[candidate] = max(fit, fits.get(candidate, fit), key=lambda each: each.p)
    ranked = sorted(fits.values(), key=lambda fit: -fit.log_likelihood)
    kept = tuple(fit for fit in ranked if fit.p >= level)
    if kept:
        return Marginal(kept, zero_rows=values.zero_rows)
    family = fitted_family(values, level)
    return Marginal(
        (), tuple(ranked[:_NEAREST]), law_text(family) if family else "", zero_rows=values.zero_rows
    )


def too_few(count: int, level: float) -> str:
    """Returns why so many values tell nothing; empty if they may."""
    least = needed(level, RATIO)
    if count >= least:
        return ""
    return f"{plural(count, 'value')}; {least:,} are needed to see a scale {RATIO:g}× as large"


def decide(marginal: Marginal, places: Places, level: float) -> Identity:
    """Returns the verdict on a tensor that is not structured.

    Args:
        marginal: What its values show.
        places: What their places show; no test of a vector.
        level: What each question is asked at.
    """
    joint = {name: min(1.0, p * len(places.tests)) for name, p in places.tests.items()}
    worst = min(joint, key=joint.__getitem__, default="")
    kind, reason = Kind.CONSISTENT if marginal.kept else Kind.UNKNOWN_LAW, ""
    if worst and joint[worst] < level:
        kind, reason = Kind.NOT_INITIAL, worst
    return Identity(
        kind,
        level,
        marginal.kept or marginal.nearest,
        family=marginal.family if kind is Kind.UNKNOWN_LAW else "",
        places=joint,
        reason=reason,
        sampled=places.size,
        zero_rows=marginal.zero_rows,
    )


def _readings(law: Law, dtype: DType) -> list[Law]:
    """Returns what a scheme's law is as it is meant, and as a library draws it."""
    return [each for each in (law, remapped(law, dtype), leaking(law)) if each is not None]


def _fit(candidate: Candidate, held: Held) -> Fit:
    return Fit(candidate.law, candidate.schemes, held.p, held.against, held.log_likelihood)


def _is_hopeless(law: Law, values: Values) -> bool:
    """Whether a law's scale is so far from the values' that no test need say so."""
    summary, dtype = values.summary, values.dtype
    if dtype.bits <= _NARROW_BITS or law.std < dtype.smallest_normal * 2**_NARROW_BITS:
        return False  # where rounding may do anything to a scale
    off = summary.mean.real - law.mean
    second = summary.variance + off * off
    allowed = _HOPELESS * math.sqrt((law.kurtosis - 1) / summary.finite)
    return abs(math.log(second / law.variance)) > allowed + _ROUNDING
