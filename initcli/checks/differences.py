"""The check that `compare` asks of every name: whether the two checkpoints agree."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.checks.finding import Severity
from initcli.checks.registry import check


@dataclass(frozen=True, slots=True)
class Difference:
    """What one name holds in two checkpoints.

    Attributes:
        checkpoint: The path of the second.
        tensor: The name.
        beyond: How they differ beyond tolerance, with its numbers; empty if they do not.
    """

    checkpoint: str
    tensor: str
    beyond: str


@check(
    "IC301",
    Severity.ERROR,
    of=Difference,
    looks_at="every name in either checkpoint of compare",
    advice="see what wrote the file; --rtol and --atol say how much is meant",
)
def differs(seen: Difference) -> str | None:
    """A tensor differs beyond tolerance between two checkpoints, or is in one only.

    A conversion or a copy should change nothing; what should have changed tells less.
    """
    return seen.beyond or None
