"""What the annotation of a document says of the rows in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rows:
    """Says in an annotation what records are made from.

    Attributes:
        of: The class of the rows.
        also: Properties of the class that are columns too.
        is_whole: Whether a record holds all that the class does, and not the columns asked for.
    """

    of: type
    also: tuple[str, ...] = ()
    is_whole: bool = False
