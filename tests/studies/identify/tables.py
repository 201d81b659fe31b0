"""What a study found, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """A table with what the reader should know of it.

    Attributes:
        title: Its heading.
        header: The names of its columns.
        rows: Its cells as text.
        about: What was done, and what stands in the columns.
    """

    title: str
    header: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    about: str = ""

    @property
    def text(self) -> str:
        """The table as Markdown."""
        rule = ["---"] * len(self.header)
        lines = ["| " + " | ".join(row) + " |" for row in (self.header, rule, *self.rows)]
        return "\n\n".join(
            part for part in (f"## {self.title}", self.about, "\n".join(lines)) if part
        )


def percent(part: float, whole: float, digits: int = 2) -> str:
    """Returns a share in percent; a dash of nothing."""
    return f"{100 * part / whole:.{digits}f} %" if whole else "–"


def mean(values: Sequence[float]) -> str:
    """Returns an average to two digits; a dash of nothing."""
    return f"{sum(values) / len(values):.2f}" if values else "–"
