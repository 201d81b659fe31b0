"""A band is made once for all threads that need it, and one that fails blocks nobody."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from initcli.formats.making.shared import Board, Shared
from initcli.formats.storage.extents import Addressed, Kept

SIZE, ROW = 1000, 100


class Numbered:
    """Makes bytes that tell their place, and counts how often."""

    def __init__(self) -> None:
        self.begun = list[int]()
        self.fails = False
        self.delay = 0.0

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:  # noqa: ARG002 - a Maker
        self.begun.append(at)
        if self.fails:
            raise OSError("no bytes")
        time.sleep(self.delay)
        buffer[:] = bytes((at + i) % 251 for i in range(len(buffer)))


class Nothing:
    """A file of no bytes."""

    @property
    def kept(self) -> Kept:
        return {}

    def read(self, offset: int, buffer: memoryview) -> None:
        """Is never called."""
        raise NotImplementedError


def made(shared: Shared, at: int, size: int) -> bytes:
    buffer = bytearray(size)
    shared.read(Nothing(), at, memoryview(buffer))
    return bytes(buffer)


@pytest.mark.parametrize(("row", "band"), [(100, 300), (350, 350), (360, 350)])
def test_a_band_holds_whole_rows_where_they_are_short(
    row: int, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("initcli.formats.making.shared.WIDEST", 350)
    shared = Shared(Numbered(), SIZE, row, Board())
    assert (shared.band, shared.passes) == (band, -(-SIZE // band))
    assert made(shared, 3, 990) == bytes(at % 251 for at in range(3, 993))


def test_those_that_wait_are_served_before_another_band_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("initcli.formats.making.shared.WIDEST", 500)
    maker = Numbered()
    maker.delay = 0.5  # in which all others come to wait
    shared = Shared(maker, SIZE, ROW, Board())
    together = threading.Barrier(10)

    def right(at: int) -> bool:
        together.wait()
        return made(shared, at, ROW) == bytes((at + i) % 251 for i in range(ROW))

    with ThreadPoolExecutor(10) as pool:
        assert all(pool.map(right, range(0, SIZE, ROW)))
    assert sorted(maker.begun) == [0, 500]


def test_a_band_that_cannot_be_made_blocks_nobody() -> None:
    maker = Numbered()
    shared = Shared(maker, SIZE, ROW, Board())
    maker.fails = True
    for _ in range(2):
        with pytest.raises(OSError, match="no bytes"):
            made(shared, 0, 10)
    maker.fails = False
    assert made(shared, 0, 10) == bytes(range(10))
