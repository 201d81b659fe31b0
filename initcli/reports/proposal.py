"""Renames that a comparison proposes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from initcli.core.text import plural

_MOST = 8


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rename that pairs tensors of other names, as an argument to `--map`.

    Attributes:
        rename: `REGEX=REPLACEMENT`; it comes after those proposed before it. None for names that
            cannot be written so, and can only be followed.
        tensors: How many more tensors it pairs, all of equal shapes.
        equal_bytes: How many of these hold the same bytes; None if only names were looked at.
    """

    rename: str | None
    tensors: int
    equal_bytes: int | None = None

    @property
    def option(self) -> str:
        """The option to paste into a shell."""
        return f"--map {shlex.quote(self.rename)}" if self.rename else "--follow-renames"

    @property
    def pairs(self) -> str:
        """What it pairs, in words."""
        if self.equal_bytes is None:
            return f"pairs {plural(self.tensors, 'more tensor')} of equal shape"
        if self.equal_bytes == self.tensors:
            return f"pairs {plural(self.tensors, 'more tensor')} of equal bytes"
        shapes = plural(self.tensors, "more tensor")
        return f"pairs {shapes} of equal shape, {self.equal_bytes:,} of equal bytes"


def told(proposals: Sequence[Proposal], *, followed: bool) -> tuple[str, ...]:
    """Returns what a reader is told of proposals, or of what was done without being told to."""
    verb = "followed" if followed else "try"
    notes = [f"{verb} {each.option}, which {each.pairs}" for each in proposals[:_MOST]]
    if more := len(proposals) - _MOST:
        beyond = f"{more:,} more renames; the JSON document has them all under proposals"
        notes += [beyond] if more > 0 else []
    return tuple(notes)
