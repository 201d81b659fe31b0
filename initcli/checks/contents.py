"""All that was learnt of a checkpoint as a whole: what a check of more than one tensor looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initcli.checks.observation import Observation


@dataclass(frozen=True, slots=True)
class Contents:
    """A checkpoint's tensors together.

    Attributes:
        checkpoint: The path as the user gave it.
        seen: Every tensor that was looked at, in the checkpoint's order.
    """

    checkpoint: str
    seen: Sequence[Observation]

    @property
    def tensor(self) -> str:
        """Empty: it is more than one."""
        return ""
