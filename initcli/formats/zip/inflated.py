"""Bytes that a zip archive holds deflated, inflated as far as they are asked for.

Deflated bytes can be read from their beginning only. Where a thread has stopped the state is kept,
so that it goes on from there, and so can another that asks for what lies behind. Memory is that of
a few states of some 50 KiB, however large a member is.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

from initcli.core.errors import MalformedError
from initcli.formats.storage.extents import Addressed

_RAW_DEFLATE = -15  # a window of 32 KiB, no header
_READ = 16 << 10
_MOST_AT_ONCE = 1 << 20
_MOST_STATES = 64
_NEAR = 1 << 20


@dataclass(frozen=True, slots=True)
class Deflated:
    """Bytes that are deflated.

    Attributes:
        offset: The address of the first.
        packed: How many there are.
        size: How many they inflate to.
        crc: The checksum of those.
        where: What messages name.
    """

    offset: int
    packed: int
    size: int
    crc: int
    where: str


@dataclass(slots=True)
class _State:
    """An inflation that has come so far.

    Attributes:
        member: What is inflated.
        machine: zlib's own state.
        consumed: Deflated bytes that have been read.
        position: Inflated ones.
        crc: Their checksum.
    """

    member: Deflated
    machine: Any = field(default_factory=lambda: zlib.decompressobj(_RAW_DEFLATE))
    consumed: int = 0
    position: int = 0
    crc: int = 0

    def copy(self) -> _State:
        """Returns one that goes on by itself."""
        return replace(self, machine=self.machine.copy())

    def skip(self, held: Addressed, to: int) -> None:
        """Inflates what lies before a position."""
        while self.position < to:
            self._next(held, to - self.position)

    def fill(self, held: Addressed, buffer: memoryview) -> None:
        """Inflates what comes next; behind the last byte the whole is held against its checksum."""
        filled = 0
        while filled < len(buffer):
            made = self._next(held, len(buffer) - filled)
            buffer[filled : filled + len(made)] = made
            filled += len(made)
        if self.position == self.member.size:
            self._check_end(held)

    def _next(self, held: Addressed, most: int) -> bytes:
        made = self._inflate(held, min(most, _MOST_AT_ONCE))
        if not made and self._is_spent:
            raise self._flaw("inflates to less than the archive says")
        self.position += len(made)
        self.crc = zlib.crc32(made, self.crc)
        return made

    def _inflate(self, held: Addressed, most: int) -> bytes:
        raw = self.machine.unconsumed_tail or self._more(held)
        try:
            made: bytes = self.machine.decompress(raw, most)
        except zlib.error as error:
            raise self._flaw("is no deflated data") from error
        return made

    def _more(self, held: Addressed) -> bytearray:
        raw = bytearray(min(_READ, self.member.packed - self.consumed))
        held.read(self.member.offset + self.consumed, memoryview(raw))
        self.consumed += len(raw)
        return raw

    def _check_end(self, held: Addressed) -> None:
        while not self._is_spent:
            if self._inflate(held, 1):
                raise self._flaw("inflates to more than the archive says")
        is_whole = self.consumed == self.member.packed and not self.machine.unused_data
        if not self.machine.eof or not is_whole:
            raise self._flaw("does not end where the archive says")
        if self.crc != self.member.crc:
            raise self._flaw("does not have the checksum that the archive tells")

    @property
    def _is_spent(self) -> bool:
        """Whether there is nothing left to be inflated."""
        is_read = self.consumed == self.member.packed
        return self.machine.eof or (is_read and not self.machine.unconsumed_tail)

    def _flaw(self, what: str) -> MalformedError:
        return MalformedError(
            f"a member {what}", where=self.member.where, hint="fetch the file again"
        )


class States:
    """The latest states of all inflations of an archive; the oldest is forgotten."""

    def __init__(self) -> None:
        self._held = OrderedDict[tuple[int, int], _State]()
        self._lock = threading.Lock()

    def keep(self, state: _State) -> None:
        """Keeps a state, which its giver no longer changes."""
        with self._lock:
            self._held[state.member.offset, state.position] = state
            while len(self._held) > _MOST_STATES:
                self._held.popitem(last=False)

    def take(self, member: Deflated, at: int) -> _State | None:
        """Returns the state that has all but come to a position, and keeps it no longer."""
        with self._lock:
            key = self._before(member, at)
            return self._held.pop(key) if key and at - key[1] <= _NEAR else None

    def nearest(self, member: Deflated, at: int) -> _State | None:
        """Returns a copy of the last state before a position."""
        with self._lock:
            key = self._before(member, at)
            return self._held[key].copy() if key else None

    def _before(self, member: Deflated, at: int) -> tuple[int, int] | None:
        behind = (key for key in self._held if key[0] == member.offset and key[1] <= at)
        return max(behind, default=None)


class Inflated:
    """Makes the content of a deflated member; see `Maker`.

    Args:
        member: Which.
        states: Those of its archive.
    """

    def __init__(self, member: Deflated, states: States) -> None:
        self._member = member
        self._states = states
        self._skipping = threading.Lock()

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Inflates a stretch; see `Maker`."""
        state = self._states.take(self._member, at) or self._skipped(held, at)
        state.skip(held, at)
        state.fill(held, buffer)
        if state.position < self._member.size:
            self._states.keep(state)

    def _skipped(self, held: Addressed, at: int) -> _State:
        """Returns a state at a position; one thread inflates what all the others would."""
        with self._skipping:
            state = self._states.nearest(self._member, at) or _State(self._member)
            if state.position < at:
                state.skip(held, at)
                self._states.keep(state.copy())
            return state
