"""Bytes that a tensor is made of and that do not lie in the file as they are.

A shard's addresses go on behind its file's last byte. Whatever must be made of what the file
holds, be it gathered, swapped, inflated or dequantised, lies at such an address and is read like
any other bytes: whoever reads does not know the difference.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

Kept = dict[type, tuple[object, int, memoryview]]
"""What makers of a kind made last and may be asked for again: who did, its number, its bytes."""


class Addressed(Protocol):
    """Bytes by their address: those of a file, and behind them those of its extents."""

    @property
    def kept(self) -> Kept:
        """What is kept as long as the bytes are open, for one thread."""

    def read(self, offset: int, buffer: memoryview) -> None:
        """Fills a buffer with the bytes from an address on, or raises an InitcliError."""


class Maker(Protocol):
    """Makes bytes of what a shard holds.

    One maker serves all threads, in pieces of any size and order: the same bytes whatever the
    pieces, and memory that does not depend on how many there are.
    """

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Fills a buffer with little-endian, row-major bytes.

        Args:
            held: What they are made of: the shard's file, and extents before the maker's own.
            at: The first byte, counted from the start of the extent.
            buffer: Writable bytes; its length is the number of bytes made.

        Raises:
            InitcliError: What is held cannot be read, or breaks its format's rules.
        """


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes that are made when they are read.

    Attributes:
        start: Their first address.
        size: How many there are.
        maker: What makes them.
    """

    start: int
    size: int
    maker: Maker

    @property
    def end(self) -> int:
        """The address behind the last."""
        return self.start + self.size


class AddressSpace:
    """Hands out addresses behind a file's last byte.

    Args:
        size: The file's bytes.
    """

    def __init__(self, size: int) -> None:
        self._end = size
        self._extents: list[Extent] = []

    @property
    def extents(self) -> tuple[Extent, ...]:
        """Those placed so far: ascending, without holes."""
        return tuple(self._extents)

    def place(self, size: int, maker: Maker) -> int:
        """Returns the address at which a maker's bytes begin."""
        start = self._end
        if size:
            self._extents.append(Extent(start, size, maker))
            self._end += size
        return start


def extent_at(extents: Sequence[Extent], address: int) -> Extent | None:
    """Returns the extent that holds an address, of ascending ones; None if there is none."""
    found = bisect_right(extents, address, key=attrgetter("start"))
    extent = extents[found - 1] if found else None
    return extent if extent and address < extent.end else None
