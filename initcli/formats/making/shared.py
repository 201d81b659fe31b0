"""Bytes of which each band takes a pass over all that they are made of: threads share the bands."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from initcli.formats.storage.extents import Addressed, Maker

WIDEST = 64 << 20
"""Bytes of a band, if a row is no longer."""

Key = tuple[Maker, int]
"""What makes bytes, and the number of a band of them."""


class Board:
    """The one band that is held for all threads.

    It is replaced as soon as nobody waits for it, so that threads that work on neighbouring bands
    do not make each of them again and again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = Counter[Key]()
        self._held: tuple[Key, memoryview] | None = None
        self._is_making = False

    def band(self, key: Key, make: Callable[[], memoryview]) -> memoryview:
        """Returns a band, made anew where another one is held."""
        with self._changed:
            self._wait(key)
            if self._held and self._held[0] == key:
                return self._held[1]
            self._is_making, self._held = True, None
        return self._made(key, make)

    def _wait(self, key: Key) -> None:
        """Waits until a band is held, or another one is needed no more."""
        self._waiting[key] += 1
        try:
            self._changed.wait_for(lambda: self._is_free_for(key))
        finally:
            self._waiting[key] -= 1
            self._changed.notify_all()

    def _is_free_for(self, key: Key) -> bool:
        if self._is_making:
            return False
        return not self._held or self._held[0] == key or not self._waiting[self._held[0]]

    def _made(self, key: Key, make: Callable[[], memoryview]) -> memoryview:
        try:
            band = make()
            self._held = key, band
            return band
        finally:
            with self._changed:
                self._is_making = False
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Shared:
    """Makes bytes in bands that all threads share; see `Maker`.

    Attributes:
        maker: What makes them.
        size: How many there are.
        row: Bytes that are made together.
        board: Holds one band.
    """

    maker: Maker
    size: int
    row: int
    board: Board

    @property
    def band(self) -> int:
        """Bytes of a band: whole rows, where they are not too long."""
        return max(1, WIDEST // self.row) * self.row if self.row <= WIDEST else WIDEST

    @property
    def passes(self) -> int:
        """How often all is read that they are made of."""
        return -(-self.size // self.band)

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Copies from bands; see `Maker`."""
        done = 0
        while done < len(buffer):
            done += self._copy(held, at + done, buffer[done:])

    def _copy(self, held: Addressed, at: int, buffer: memoryview) -> int:
        """Copies from one band, which is let go before the next is asked for."""
        number, within = divmod(at, self.band)
        band = self.board.band((self.maker, number), partial(self._made, held, number))
        part = band[within : within + len(buffer)]
        buffer[: len(part)] = part
        return len(part)

    def _made(self, held: Addressed, number: int) -> memoryview:
        start = number * self.band
        band = memoryview(bytearray(min(self.band, self.size - start)))
        self.maker.read(held, start, band)
        return band
