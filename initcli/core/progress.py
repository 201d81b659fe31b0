"""Tells whoever wants to know how much of the work is done."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears of bytes as they are read."""

    def start(self, total: int) -> None:
        """Announces how many bytes there are to read."""

    def advance(self, count: int) -> None:
        """Says that more bytes have been read."""

    def finish(self) -> None:
        """Says that no more will come."""


class _Silent:
    def start(self, total: int) -> None:
        """Tells nobody."""

    def advance(self, count: int) -> None:
        """Tells nobody."""

    def finish(self) -> None:
        """Tells nobody."""


SILENT: Progress = _Silent()
