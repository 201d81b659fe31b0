"""Checkpoints in a row: their order, and what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import PurePath

from initcli.core.text import natural, some, visible


def in_order(paths: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Undoes what a shell does to step9 and step10; any other order is the user's own."""
    ordered = sorted(paths, key=natural)
    if list(paths) == ordered or list(paths) != sorted(paths):
        return list(paths), ()
    shown = some([visible(path, 80) for path in ordered], 4)
    return ordered, (f"taken in the order of their numbers: {shown}",)


def labels_of(paths: Sequence[str]) -> list[str]:
    """Returns what tells paths apart, without the parts that all have in common."""
    parts = [PurePath(path).parts for path in paths]
    head = min(_shared(parts), min(map(len, parts)) - 1)
    tail = _shared([each[:head:-1] for each in parts])
    labels = ["/".join(each[head : len(each) - tail]) for each in parts]
    return labels if len(set(labels)) == len(labels) else _numbered(paths)


def _shared(parts: Sequence[Sequence[str]]) -> int:
    """Returns how many first parts all have in common."""
    alike = (len(set(column)) == 1 for column in zip(*parts, strict=False))
    return len(list(takewhile(bool, alike)))


def _numbered(paths: Sequence[str]) -> list[str]:
    return [f"{number}: {path}" for number, path in enumerate(paths)]
