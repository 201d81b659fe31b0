"""Which names in a file may be those of files beside it."""

from __future__ import annotations


def is_plain_name(name: str) -> bool:
    """Refuses `..`, absolute, drive, UNC, backslash and URL names on every platform."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\:\0")
