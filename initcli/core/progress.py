"""How far work has come, told to whoever shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Is told how many bytes there are and how many are done."""

    def start(self, total: int) -> None:
        """Announces bytes to be worked through; more may be announced later."""

    def advance(self, count: int) -> None:
        """Counts bytes as done; any thread may call it, and often."""

    def finish(self) -> None:
        """Ends the showing; calling it again does nothing."""


class _Silent:
    """Shows nothing."""

    def start(self, total: int) -> None:
        """Ignores it."""

    def advance(self, count: int) -> None:
        """Ignores it."""

    def finish(self) -> None:
        """Has nothing to end."""


SILENT: Progress = _Silent()
