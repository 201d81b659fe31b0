"""Bytes that are left where they lie."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive bytes of a file.

    Attributes:
        begin: The first.
        size: How many there are.
    """

    begin: int
    size: int

    @property
    def end(self) -> int:
        """The byte behind the last."""
        return self.begin + self.size
