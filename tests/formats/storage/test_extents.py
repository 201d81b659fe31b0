"""What must be made lies behind the file's last byte, and is read like any other bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from initcli.core.errors import TruncatedError
from initcli.formats.making.strided import Strided
from initcli.formats.storage.checkpoint import Shard, open_regular
from initcli.formats.storage.extents import Addressed, AddressSpace, Extent, extent_at
from initcli.formats.storage.reading import open_shard

DTYPES = ["<u1", "<u2", "<u4", ">u4", "<f8", ">f8", "<c16", ">c16", ">c8"]


@dataclass(frozen=True)
class Doubled:
    """Makes each byte from an address on twice."""

    base: int

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        for i in range(len(buffer)):
            held.read(self.base + (at + i) // 2, buffer[i : i + 1])


def shard_of(path: Path, content: bytes, extents: Sequence[Extent]) -> Shard:
    path.write_bytes(content)
    descriptor, size, identity = open_regular(path)
    with os.fdopen(descriptor, "rb"):
        return Shard(path, size, identity, {}, tuple(extents))


def pieces(shard: Shard, offset: int, size: int, cuts: Sequence[int]) -> bytes:
    """Reads a range piece by piece, the last piece first."""
    edges = sorted({0, size, *(cut % (size + 1) for cut in cuts)})
    whole = bytearray(size)
    with open_shard(shard) as reader:
        for first, last in reversed(list(pairwise(edges))):
            reader.read(offset + first, memoryview(whole)[first:last])
    return bytes(whole)


@given(st.binary(min_size=1, max_size=20), st.lists(st.integers(0, 200), max_size=6))
def test_file_and_extents_are_one_range_however_it_is_cut(raw: bytes, cuts: list[int]) -> None:
    space = AddressSpace(len(raw))
    first = space.place(2 * len(raw), Doubled(0))
    nothing = space.place(0, Doubled(0))
    second = space.place(4 * len(raw), Doubled(first))
    twice, fourfold = (bytes(np.repeat(np.frombuffer(raw, "u1"), n)) for n in (2, 4))
    whole = raw + twice + fourfold
    assert (first, nothing, second) == (len(raw), 3 * len(raw), 3 * len(raw))
    with TemporaryDirectory() as directory:
        shard = shard_of(Path(directory) / "w", raw, space.extents)
        assert pieces(shard, 0, len(whole), cuts) == whole
        assert pieces(shard, first, len(twice), cuts) == twice
        with pytest.raises(TruncatedError, match=r"ends before its data does"):
            pieces(shard, 0, len(whole) + 1, [])


def test_nothing_lies_between_extents() -> None:
    one, other = Extent(10, 5, Doubled(0)), Extent(20, 5, Doubled(0))
    found = [extent_at((one, other), address) for address in (0, 9, 10, 14, 15, 19, 20, 24, 25)]
    assert found == [None, None, one, one, None, None, other, other, None]


@st.composite
def views(draw: st.DrawFn) -> NDArray[np.void]:
    """Draws a view of a larger array: steps, axes in any order, axes repeated."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = tuple(draw(st.lists(st.integers(1, 5), max_size=4)))
    raw = np.random.default_rng(draw(st.integers(0, 9))).bytes(int(np.prod(shape)) * dtype.itemsize)
    array = np.frombuffer(raw, dtype).reshape(shape)
    for axis in range(array.ndim):
        first, step = draw(st.integers(0, 2)), draw(st.integers(1, 3))
        array = array[(slice(None),) * axis + (slice(first, None, step),)]
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    return np.broadcast_to(array, (draw(st.integers(1, 3)), *array.shape))


@given(views(), st.lists(st.integers(0, 10_000), max_size=6))
def test_a_view_reads_as_numpy_lays_it_out(view: NDArray[np.void], cuts: list[int]) -> None:
    root = view
    while isinstance(root.base, np.ndarray):
        root = root.base
    base = view.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    little = view.dtype.newbyteorder("<")
    swapped = view.dtype.itemsize // (2 if view.dtype.kind == "c" else 1)
    strided = Strided(
        base,
        view.dtype.itemsize,
        view.shape,
        view.strides,
        swapped if view.dtype.byteorder == ">" else 1,
    )
    expected = view.astype(little).tobytes()
    raw = root.tobytes()
    with TemporaryDirectory() as directory:
        space = AddressSpace(len(raw))
        offset = space.place(len(expected), strided)
        shard = shard_of(Path(directory) / "w", raw, space.extents)
        assert pieces(shard, offset, len(expected), cuts) == expected
        assert base + strided.span <= len(raw)


@dataclass
class Counting:
    """Bytes in memory that count how they are asked for."""

    raw: bytes
    reads: int = 0
    most: int = 0

    def read(self, offset: int, buffer: memoryview) -> None:
        self.reads += 1
        self.most = max(self.most, len(buffer))
        buffer[:] = self.raw[offset : offset + len(buffer)]


@pytest.mark.parametrize(
    ("shape", "strides", "reads"),
    [
        ((2048, 2048), (4, 8192), 64),  # transposed: gaps are read over
        ((2048, 2048), (8192, 4), 16),  # as it lies
        ((100,), (160_000,), 100),  # far apart: nothing in between is read
        ((1 << 22,), (0,), 1),  # one value over and over
    ],
)
def test_reads_are_few_and_their_memory_is_bounded(
    shape: tuple[int, ...], strides: tuple[int, ...], reads: int
) -> None:
    raw = np.random.default_rng(0).bytes(1 << 24)
    expected = np.ndarray(shape, "<u4", raw, 0, strides).tobytes()
    held, made = Counting(raw), bytearray(len(expected))
    for start in range(0, len(made), 1 << 20):
        Strided(0, 4, shape, strides).read(held, start, memoryview(made)[start : start + (1 << 20)])
    assert bytes(made) == expected
    assert held.most <= 1 << 20
    assert held.reads <= 16 * reads
