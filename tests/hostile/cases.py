"""What every hostile file is: a name, its bytes, and how a command on it may end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SOUND, REFUSED = 0, 2
HUGE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
"""Where lengths and counts break that were not thought through."""


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile file.

    Attributes:
        name: What is wrong with it.
        make: Returns its bytes; made when it is needed, since some are large.
        exits: How `stats` on it may end.
    """

    name: str
    make: Callable[[], bytes]
    exits: tuple[int, ...] = (REFUSED,)


def case(name: str, raw: bytes, *exits: int) -> Case:
    """Returns a case of bytes that are there already."""
    return Case(name, lambda: raw, exits or (REFUSED,))


def flipped(name: str, raw: bytes, count: int, seed: int) -> Iterator[Case]:
    """Yields files with one byte changed: some are still sound, and none may do harm."""
    random_ = random.Random(seed)  # noqa: S311 - the same cases in every run
    for number in range(count):
        at, value = random_.randrange(len(raw)), random_.randrange(256)
        changed = raw[:at] + bytes([value]) + raw[at + 1 :]
        yield case(f"{name}: change {number}, byte {at} is {value}", changed, SOUND, REFUSED)


def cut(name: str, raw: bytes, places: Iterator[int]) -> Iterator[Case]:
    """Yields files that end early, at each of some places."""
    for at in sorted(set(places)):
        if at < len(raw):
            yield case(f"{name}: cut at byte {at}", raw[:at])
