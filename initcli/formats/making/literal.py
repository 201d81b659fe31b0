"""Bytes that were read with a file's header, and are held."""

from __future__ import annotations

from initcli.formats.storage.extents import Addressed


class Literal:
    """Hands on bytes that are held; see `Maker`.

    Args:
        raw: What they are.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def read(self, _held: Addressed, at: int, buffer: memoryview) -> None:
        """Copies a stretch; see `Maker`."""
        buffer[:] = self._raw[at : at + len(buffer)]
