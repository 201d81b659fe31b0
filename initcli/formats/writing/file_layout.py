"""A file laid out before any value is known: where each tensor's bytes go, and what else it holds.

A format says it once; whoever has the values then writes them in any order and on any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from initcli.core.tensor import TensorSpec


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor, and where its bytes begin, from the start of the file."""

    spec: TensorSpec
    offset: int


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes that are no tensor's, and where they begin."""

    offset: int
    content: bytes


Seal = Callable[[Mapping[str, int]], Iterator[Patch]]
"""Yields what can be written only once every tensor's CRC-32 is known, by its name."""


@dataclass(frozen=True, slots=True)
class FileLayout:
    """What a file will hold, byte by byte.

    Attributes:
        size: Its bytes.
        places: The tensors in the order of their bytes; values are little-endian and row-major.
        frame: What stands around them and is known beforehand.
        seal: What is written last; None in a format without checksums, which then cost nothing.
    """

    size: int
    places: tuple[Place, ...]
    frame: tuple[Patch, ...]
    seal: Seal | None = None
