"""What every hostile file is: a name, what lies there, and how a command on it may end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

SOUND, REFUSED = 0, 2
HUGE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
"""Where lengths and counts break that were not thought through."""

Content: TypeAlias = "bytes | Mapping[str, Content] | Callable[[Path], object]"
"""A file's bytes, what lies in a directory by name, or what makes anything else at a path."""


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile file, or a directory with one.

    Attributes:
        name: What is wrong with it.
        make: Returns what lies there; made when it is needed, since some are large.
        exits: How a command on it may end.
        is_in_values: Whether that shows only where values are read.
    """

    name: str
    make: Callable[[], Content]
    exits: tuple[int, ...] = (REFUSED,)
    is_in_values: bool = False


def case(name: str, content: Content, *exits: int) -> Case:
    """Returns a case of what is there already."""
    return Case(name, lambda: content, exits or (REFUSED,))


Wrap = Callable[[bytes], Content]
"""Puts bytes where they belong, such as a file beside others."""


def flipped(
    name: str, raw: bytes, count: int, seed: int, wrap: Wrap = lambda raw: raw
) -> Iterator[Case]:
    """Yields files with one byte changed: some are still sound, and none may do harm."""
    random_ = random.Random(seed)  # noqa: S311 - the same cases in every run
    for number in range(count):
        at, value = random_.randrange(len(raw)), random_.randrange(256)
        changed = raw[:at] + bytes([value]) + raw[at + 1 :]
        told = f"{name}: change {number}, byte {at} is {value}"
        yield case(told, wrap(changed), SOUND, REFUSED)


def cut(
    name: str, raw: bytes, places: Iterable[int], wrap: Wrap = lambda raw: raw
) -> Iterator[Case]:
    """Yields files that end early, at each of some places."""
    for at in sorted(set(places)):
        if 0 <= at < len(raw):
            yield case(f"{name}: cut at byte {at}", wrap(raw[:at]))


def near(raw: bytes, *marks: bytes) -> Iterator[int]:
    """Yields the places around where each mark first stands."""
    for mark in marks:
        yield from range(raw.index(mark) - 2, raw.index(mark) + 3)
