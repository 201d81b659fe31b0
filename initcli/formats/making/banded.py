"""Bytes that are dear to make a few at a time, made in bands of several MiB."""

from __future__ import annotations

from initcli.formats.storage.extents import Addressed, Maker

BAND_BYTES = 8 << 20


class Banded:
    """Makes more than it is asked for, and hands the rest on when it is asked for next.

    Row-major values that are gathered from columns take all columns, however few rows are wanted.
    A reader keeps one band, of whatever it reads.

    Args:
        maker: What makes the bytes.
        size: How many there are.
        band: How many are made at once.
    """

    def __init__(self, maker: Maker, size: int, band: int = BAND_BYTES) -> None:
        self._maker = maker
        self._size = size
        self._length = band

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Copies from bands; see `Maker`."""
        done = 0
        while done < len(buffer):
            number, within = divmod(at + done, self._length)
            part = self._band(held, number)[within : within + len(buffer) - done]
            buffer[done : done + len(part)] = part
            done += len(part)

    def _band(self, held: Addressed, number: int) -> memoryview:
        kept = held.kept.pop(Banded, None)
        if kept is None or kept[:2] != (self, number):
            kept = None  # so that no two are held at once
            start = number * self._length
            band = memoryview(bytearray(min(self._length, self._size - start)))
            self._maker.read(held, start, band)
            kept = self, number, band
        held.kept[Banded] = kept
        return kept[2]
