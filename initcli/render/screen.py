"""What a table is written on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Screen:
    """A terminal, or what takes its place.

    Attributes:
        width: Characters in a line; None for no limit.
        color: Whether it shows colour.
    """

    width: int | None = None
    color: bool = False
