"""What became of asking which initialisation a tensor carries."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from initcli.schemes.law import Law


class Kind(enum.Enum):
    """The verdicts, from the most to the least that can be said."""

    STRUCTURED = "structured"
    CONSISTENT = "consistent"
    UNKNOWN_LAW = "law unknown"
    NOT_INITIAL = "not at initialisation"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Fit:
    """A law that the values were held against.

    Attributes:
        law: As drawn.
        schemes: All that draw by it, as a user may write them, the most usual first.
        p: The probability of values that speak as much against it, if it holds; of the six tests
            of its marginal together.
        against: The test that speaks most against it.
        log_likelihood: Of the values, counted in cells; natural logarithm.
    """

    law: Law
    schemes: tuple[str, ...]
    p: float
    against: str
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Which initialisation a tensor carries.

    Attributes:
        kind: The verdict.
        level: What a p-value must reach for its law to be kept, or for values to be exchangeable.
        fits: The laws that are kept, the likeliest first; of a tensor without one, the nearest.
        structure: What a structured tensor is, as a user may write the scheme.
        family: The family that fits where no law is known, with its fitted scale; empty if none.
        places: p-values of the tests whether values owe anything to their place, by name.
        reason: Why nothing can be told, or what says that it is no initialisation.
        sampled: Of how many values places were tested; 0 if they were not.
        zero_rows: Rows of nothing but zeros, which are left out, as an embedding's padding is.
        shared_by: How many tensors of its role narrowed the laws that are kept; 0 if none did.
    """

    kind: Kind
    level: float
    fits: tuple[Fit, ...] = ()
    structure: str = ""
    family: str = ""
    places: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    sampled: int = 0
    zero_rows: int = 0
    shared_by: int = 0

    @property
    def schemes(self) -> tuple[str, ...]:
        """All schemes that the values are consistent with."""
        kept = self.fits if self.kind is Kind.CONSISTENT else ()
        return tuple(name for fit in kept for name in fit.schemes)

    @property
    def p(self) -> float | None:
        """The p-value behind the verdict: of the best law kept, or of what rules all out."""
        if self.kind is Kind.NOT_INITIAL:
            return min(self.places.values(), default=None)
        return max((fit.p for fit in self.fits), default=None)

    @property
    def text(self) -> str:
        """The verdict in a few words."""
        if self.kind is Kind.STRUCTURED:
            return self.structure
        if self.kind is Kind.CONSISTENT:
            others = len(self.schemes) - 1
            more = f" +{others}" if others else ""
            return f"consistent with {self.schemes[0]}{more} = {law_text(self.fits[0].law)}"
        if self.kind is Kind.UNKNOWN_LAW:
            return f"law unknown, like {self.family}" if self.family else "law unknown"
        return f"{self.kind.value}: {self.reason}"


def law_text(law: Law) -> str:
    """Returns a law in short, such as `U(±0.0442)` or `N(0, 0.02²)`.

    >>> from initcli.schemes import law as laws
    >>> law_text(laws.uniform(-0.5, 0.5)), law_text(laws.normal(0, 0.02))
    ('U(±0.5)', 'N(0, 0.02²)')
    """
    low, high = law.support
    if law.family == "uniform":
        return f"U(±{high:.4g})" if low == -high else f"U({low:.4g}, {high:.4g})"
    if law.family == "normal":
        return f"N({law.mean:.4g}, {law.std:.4g}²)"
    bounds = f"±{high:.4g}" if low == -high else f"{low:.4g} … {high:.4g}"
    shape = "N" if law.family == "truncated normal" else law.family
    return f"{shape} on {bounds}, std {law.std:.4g}"
