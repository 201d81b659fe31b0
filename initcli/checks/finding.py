"""What a check found."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.Enum):
    """How much a finding weighs; the gate compares them."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Its place from lightest to heaviest."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found.

    Attributes:
        code: The check's stable code.
        severity: How much it weighs.
        tensor: The tensor's name; empty for what concerns the whole checkpoint.
        message: What was found, with its numbers.
        checkpoint: The path of the checkpoint as the user gave it.
        known: Whether a baseline has it already, so that it fails no run.
    """

    code: str
    severity: Severity
    tensor: str
    message: str
    checkpoint: str = ""
    known: bool = False
