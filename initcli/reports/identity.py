"""Which initialisation a tensor carries, in full and for machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from initcli.checks.observation import Observation
    from initcli.theory.identify.identity import Fit, Identity


@dataclass(frozen=True, slots=True)
class FitRow:
    """A law that values were held against.

    Attributes:
        law: In short, such as `U(±0.0442)`.
        schemes: All that draw by it, the most usual first.
        mean, std: Of the law as drawn.
        p: The joint p-value of all tests.
        against: The test that speaks most against it.
        log_likelihood: Natural logarithm, of values counted in cells.
    """

    law: str
    schemes: tuple[str, ...]
    mean: float
    std: float
    p: float
    against: str
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """The verdict on a tensor, and its evidence.

    Attributes:
        checkpoint: The checkpoint's path as the user gave it.
        name: The tensor's name.
        kind: `structured`, `consistent`, `law unknown`, `not at initialisation` or `cannot tell`.
        structure: The scheme of a structured tensor; empty of any other.
        fits: The laws that values are consistent with, the likeliest first; of a tensor
            without one, the nearest.
        family: What fits where no law is known, its scale fitted; empty if nothing does.
        places: p-values of the tests whether values owe anything to their places, each times
            their number.
        sampled: Of how many values places were tested; 0 if they were not.
        zero_rows: Rows of nothing but zeros that were left out.
        shared_by: How many tensors of its role narrowed its fits; 0 if none did.
        reason: What rules an initialisation out, or why nothing can be told.
        level: What p-values must reach.
    """

    checkpoint: str
    name: str
    kind: str
    structure: str
    fits: tuple[FitRow, ...]
    family: str
    places: Mapping[str, float]
    sampled: int
    zero_rows: int
    shared_by: int
    reason: str
    level: float

    @classmethod
    def of(cls, seen: Observation, identity: Identity) -> Self:
        """Builds the row of an identified tensor."""
        return cls(
            seen.checkpoint,
            seen.spec.name,
            identity.kind.value,
            identity.structure,
            tuple(map(_fit_row, identity.fits)),
            identity.family,
            identity.places,
            identity.sampled,
            identity.zero_rows,
            identity.shared_by,
            identity.reason,
            identity.level,
        )


def _fit_row(fit: Fit) -> FitRow:
    from initcli.theory.identify.identity import law_text

    return FitRow(
        law_text(fit.law),
        fit.schemes,
        fit.law.mean,
        fit.law.std,
        fit.p,
        fit.against,
        fit.log_likelihood,
    )
