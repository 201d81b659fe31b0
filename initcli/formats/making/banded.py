"""Bytes that are dear to make a few at a time, made in bands of several MiB."""

from __future__ import annotations

import threading

from initcli.formats.storage.extents import Addressed, Maker

BAND_BYTES = 8 << 20
_bands = threading.local()


class Banded:
    """Makes more than it is asked for, and hands the rest on when it is asked for next.

    Row-major values that are gathered from columns take all columns, however few rows are wanted.
    A thread keeps one band, of whatever it reads.

    Args:
        maker: What makes the bytes.
        size: How many there are.
    """

    def __init__(self, maker: Maker, size: int) -> None:
        self._maker = maker
        self._size = size

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Copies from bands; see `Maker`."""
        done = 0
        while done < len(buffer):
            number, within = divmod(at + done, BAND_BYTES)
            part = self._band(held, number)[within : within + len(buffer) - done]
            buffer[done : done + len(part)] = part
            done += len(part)

    def _band(self, held: Addressed, number: int) -> memoryview:
        kept: tuple[Banded, int, memoryview] | None = getattr(_bands, "kept", None)
        if kept and kept[0] is self and kept[1] == number:
            return kept[2]
        _bands.kept = None
        start = number * BAND_BYTES
        band = memoryview(bytearray(min(BAND_BYTES, self._size - start)))
        self._maker.read(held, start, band)
        _bands.kept = (self, number, band)
        return band
