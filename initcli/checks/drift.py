"""Checks of a checkpoint against what an earlier run found of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from initcli.checks.finding import Severity
from initcli.checks.registry import check

if TYPE_CHECKING:
    from initcli.theory.drift import Shift

_REFRESH = "if it is meant, write the baseline again"


@dataclass(frozen=True, slots=True)
class Drifted:
    """A tensor beside the baseline.

    Attributes:
        checkpoint: The path of its checkpoint as the user gave it.
        tensor: Its name.
        before: Its dtype and shape in the baseline; empty if it is not there.
        after: Its dtype and shape now; empty if it is gone.
        shifts: The statistics that moved beyond their sampling errors.
        reason: Why its statistics were not judged; empty if they were.
        is_rewritten: Whether its hash is another, its form being the same.
    """

    checkpoint: str
    tensor: str
    before: str
    after: str
    shifts: Sequence[Shift] = ()
    reason: str = ""
    is_rewritten: bool = False


@check(
    "IC501",
    Severity.ERROR,
    of=Drifted,
    looks_at="statistics of float tensors, with --baseline, or a report to compare",
    advice=f"see what wrote the checkpoint; {_REFRESH}",
)
def has_drifted(seen: Drifted) -> str | None:
    """A statistic is further from the baseline than sampling explains.

    Another draw of the same law, or the same values stored again, would stay within the error that
    a statistic of so many values has; weights that were trained, rescaled or broken do not.
    """
    return ", ".join(each.text for each in seen.shifts) or None


@check(
    "IC502",
    Severity.ERROR,
    of=Drifted,
    looks_at="names, with --baseline, or a report to compare",
    advice=f"see whether it was renamed or dropped; {_REFRESH}",
)
def is_gone(seen: Drifted) -> str | None:
    """A tensor of the baseline is missing.

    Loaders that are not strict leave what they do not find at its random initialisation.
    """
    return (
        f"{seen.before} in the baseline, and not here" if seen.before and not seen.after else None
    )


@check(
    "IC503",
    Severity.ERROR,
    of=Drifted,
    looks_at="names, with --baseline, or a report to compare",
    advice=f"see whether it was renamed or added; {_REFRESH}",
)
def is_new(seen: Drifted) -> str | None:
    """A tensor is not in the baseline.

    Loaders that are not strict ignore what they do not know.
    """
    return f"{seen.after}, and not in the baseline" if seen.after and not seen.before else None


@check(
    "IC504",
    Severity.ERROR,
    of=Drifted,
    looks_at="dtypes and shapes, with --baseline, or a report to compare",
    advice=f"see what converted the checkpoint; {_REFRESH}",
)
def is_of_another_form(seen: Drifted) -> str | None:
    """Dtype or shape are not those of the baseline.

    A change of dtype costs precision, one of shape means another model.
    """
    has_both = seen.before and seen.after
    return f"{seen.before} → {seen.after}" if has_both and seen.before != seen.after else None


@check(
    "IC505",
    Severity.WARNING,
    of=Drifted,
    looks_at="hashes, with --baseline and --hash in both runs, or reports to compare",
    advice=f"compare with the old checkpoint, value by value; {_REFRESH}",
)
def is_rewritten(seen: Drifted) -> str | None:
    """The bytes are not those of the baseline, though no statistic shows it.

    Another draw looks like that, but so do rows in another order and a few steps of training.
    """
    return "the hash is another" if seen.is_rewritten and not seen.shifts else None


@check(
    "IC905",
    Severity.NOTE,
    of=Drifted,
    looks_at="tensors, with --baseline, or a report to compare",
    advice="--strict makes it fail",
    is_coverage=True,
)
def is_not_held_against_baseline(seen: Drifted) -> str | None:
    """A tensor's statistics cannot be held against the baseline.

    Whether it changed is not known.
    """
    return f"not held against the baseline: {seen.reason}" if seen.reason else None
