"""Pieces make the same whole whatever their shapes, their order, and how it is read."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from initcli.formats.making.mosaic import Mosaic, Tile

SIDES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=4)


class Memory:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, offset: int, buffer: memoryview) -> None:
        buffer[:] = self.content[offset : offset + len(buffer)]


def read(mosaic: Mosaic, held: Memory, size: int, cuts: list[int]) -> bytes:
    content, at, number = memoryview(bytearray(size)), 0, 0
    while at < size:
        part = content[at : at + cuts[number % len(cuts)]]
        mosaic.read(held, at, part)
        at, number = at + len(part), number + 1
    return bytes(content)


@given(SIDES, st.lists(st.integers(1, 60), min_size=1, max_size=4), st.integers(0, 99), st.data())
def test_a_grid_of_pieces_makes_the_whole(
    sides: list[tuple[int, int]], cuts: list[int], seed: int, data: st.DataObject
) -> None:
    shape = tuple(length for length, _ in sides)
    whole = np.random.default_rng(seed).integers(0, 1 << 30, shape).astype("<i4")
    tiles, content = [], b""
    for origin in product(*(range(0, length, step) for length, step in sides)):
        box = tuple(slice(at, at + step) for at, (_, step) in zip(origin, sides, strict=True))
        tiles.append(Tile(origin, whole[box].shape, len(content)))
        content += whole[box].tobytes()
    tiles = data.draw(st.permutations(tiles))
    absent = data.draw(st.sampled_from([None, *tiles]))
    if absent is not None:
        tiles.remove(absent)
        box = tuple(
            slice(at, at + length) for at, length in zip(absent.origin, absent.shape, strict=True)
        )
        whole[box] = 7
    mosaic = Mosaic(shape, 4, tiles, (7).to_bytes(4, "little"))
    assert read(mosaic, Memory(content), whole.nbytes, cuts) == whole.tobytes()
