"""Which names in a file may be those of files beside it, and which names files have together."""

from __future__ import annotations

import re

_PART = re.compile(r"(?P<stem>.+)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})(?P<ending>\.[a-z]+)")
_MOST_PARTS = 10_000


def is_plain_name(name: str) -> bool:
    """Refuses `..`, absolute, drive, UNC, backslash and URL names on every platform."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\:\0")


def part_names(name: str) -> list[str]:
    """Returns the names of all parts, of which one is called so; none if it is no part's name."""
    found = _PART.fullmatch(name)
    count = int(found["count"]) if found else 0
    if not found or not 0 < int(found["number"]) <= count <= _MOST_PARTS:
        return []
    numbers = range(1, count + 1)
    return [f"{found['stem']}-{each:05}-of-{count:05}{found['ending']}" for each in numbers]
