"""Checksums of stretches that are read in any order, joined in little memory."""

from __future__ import annotations

from bisect import bisect_right

from initcli.formats.zip.crc32 import Crc32

# As many threads may be ahead of the slowest, and so many columns be read side by side.
_MOST_APART = 64


class Runs:
    """Consecutive bytes whose checksums are known; none touch each other.

    Args:
        first: Those that everything begins with.
    """

    def __init__(self, first: Crc32) -> None:
        self._starts = [0]
        self._runs = [first]

    @property
    def first(self) -> Crc32:
        """All that is known from the beginning on."""
        return self._runs[0]

    def add(self, start: int, run: Crc32) -> bool:
        """Takes note of a stretch; what was read before counts once.

        Returns:
            Whether it could: it shares a part with no other, and not too many lie apart.
        """
        place, end = bisect_right(self._starts, start), start + run.length
        before = self._end(place - 1)
        if end <= before:
            return True
        behind = self._starts[place] if place < len(self._starts) else end
        if start < before or end > behind:
            return False
        self._starts.insert(place, start)
        self._runs.insert(place, run)
        for number in (place, place - 1):
            self._join(number)
        return len(self._runs) <= _MOST_APART

    def _end(self, number: int) -> int:
        return self._starts[number] + self._runs[number].length

    def _join(self, number: int) -> None:
        """Joins a run with the next if there is nothing between them."""
        following = number + 1
        if following < len(self._runs) and self._end(number) == self._starts[following]:
            self._runs[number] += self._runs.pop(following)
            del self._starts[following]
