"""A pickle machine that resolves nothing, imports nothing and calls nothing.

It has the stack, the marks and the memo of Python's, and a limit on the memory of all it writes
down. What the opcodes do is in `scalars`, `containers` and `objects`.
Source: https://github.com/python/cpython/blob/v3.13.0/Lib/pickletools.py
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from initcli.formats.pytorch.pickles.records import (
    Call,
    Global,
    Pairs,
    Persistent,
    PickleFlawError,
)
from initcli.formats.pytorch.pickles.weights import LIST, PAIR, PAIRS
from initcli.formats.storage.stretch import Stretch

MEMORY = 240 << 20
"""Bytes that what is written down may take, counted generously: 120,000 tensors take it."""


class Machine:
    """The state between two opcodes.

    Args:
        file: Where the pickle goes on.
        room: Bytes that what is written down may take.

    Attributes:
        file: Where the pickle goes on.
        read: Reads bytes on.
        readline: Reads a line on.
        room: Bytes still left.
        stack: What lies above the last mark.
        below: What lies below it, mark by mark.
        memo: What was noted to be used again.
        globals: Every name of code, in the order met.
        outside: All that is said to lie outside of the pickle, in the order met.
    """

    __slots__ = ("below", "file", "globals", "memo", "outside", "read", "readline", "room", "stack")

    def __init__(self, file: BinaryIO, room: int = MEMORY) -> None:
        self.file = file
        self.read = file.read
        self.readline = file.readline
        self.room = room
        self.stack: list[object] = []
        self.below: list[list[object]] = []
        self.memo: dict[int, object] = {}
        self.globals: dict[tuple[str, str], Global] = {}
        self.outside: list[Persistent] = []

    def take(self, count: int) -> bytes:
        """Reads so many bytes, and counts them."""
        self.spend(count)
        raw = self.read(count)
        if len(raw) < count:
            raise ends_early()
        return raw

    def pass_over(self, count: int) -> Stretch:
        """Leaves bytes where they lie."""
        begin = self.file.tell()
        if count > self.file.seek(0, os.SEEK_END) - begin:
            raise ends_early()
        self.file.seek(begin + count)
        return Stretch(begin, count)

    def spend(self, count: int) -> None:
        """Counts bytes of memory."""
        self.room -= count
        if self.room < 0:
            raise too_large()

    def number(self, count: int, *, signed: bool = False) -> int:
        """Reads an integer of so many bytes, the lowest first.

        Where the file ends within it there is no next opcode, and all is refused.
        """
        return int.from_bytes(self.read(count), "little", signed=signed)

    def line(self, longest: int) -> bytes:
        """Reads a line, without its end."""
        raw = self.readline(min(longest, self.room) + 1)
        if raw[-1:] != b"\n":
            raise ends_early() if len(raw) <= longest else PickleFlawError("a line is too long")
        self.spend(len(raw))
        return raw[:-1]

    def mark(self) -> None:
        """Begins what is to be taken together."""
        self.below.append(self.stack)
        self.stack = []

    def above_mark(self) -> list[object]:
        """Takes all above the last mark, and the mark."""
        above = self.stack
        self.stack = self.below.pop()
        return above

    def name(self, module: str, name: str) -> None:
        """Notes the name of a class or function."""
        self.stack.append(self.globals.setdefault((module, name), Global(module, name)))

    def lies_outside(self, key: object) -> None:
        """Notes what lies outside of the pickle."""
        self.outside.append(Persistent(key))
        self.stack.append(self.outside[-1])

    def set_pairs(self, pairs: list[object]) -> None:
        """Sets keys and values, which take turns, on what lies on top."""
        target = self.stack[-1]
        if isinstance(target, Call):
            if target.pairs is None:
                self.spend(PAIRS)
                target.pairs = Pairs()
            target = target.pairs
        if not isinstance(target, Pairs) or len(pairs) % 2:
            raise PickleFlawError("items are set on what has none")
        self.spend(len(pairs) * PAIR // 2)
        target.keys += pairs[::2]
        target.values += pairs[1::2]

    def append_items(self, items: list[object]) -> None:
        """Appends to what lies on top."""
        target = self.stack[-1]
        if isinstance(target, Call):
            if target.items is None:
                self.spend(LIST)
                target.items = []
            target = target.items
        if not isinstance(target, list):
            raise PickleFlawError("items are appended to what has none")
        target += items

    def build(self) -> None:
        """Notes what the state of the object on top is to become."""
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Call):
            raise PickleFlawError("a state is set on what is no object")
        target.state = state if target.state is None else (target.state, state)


Act = Callable[[Machine], None]
"""What an opcode does."""


def ends_early() -> PickleFlawError:
    """Returns what is wrong with a pickle that is cut."""
    return PickleFlawError("the pickle ends early")


def too_large() -> PickleFlawError:
    """Returns what is wrong with a pickle that would take too much memory."""
    return PickleFlawError(f"the pickle takes more than {MEMORY >> 20} MB of memory")
