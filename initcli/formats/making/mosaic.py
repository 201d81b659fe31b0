"""A tensor that lies in pieces: boxes of it, each row-major at an address of its own.

So shards of a distributed checkpoint and chunks of an HDF5 dataset are put together.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from initcli.core.tensor import Shape
from initcli.formats.making.strided import Box, Strided, bits, boxes, fill_whole
from initcli.formats.storage.checkpoint import Shard
from initcli.formats.storage.extents import Addressed
from initcli.formats.storage.reading import open_shard

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a tensor.

    Attributes:
        origin: Its first index along each dimension.
        shape: Its lengths.
        address: Where its bytes begin.
        shard: The file they are in; None for the tensor's own.
    """

    origin: Shape
    shape: Shape
    address: int
    shard: Shard | None = None

    @property
    def top(self) -> int:
        """Its first index along the first dimension."""
        return self.origin[0] if self.origin else 0

    @property
    def height(self) -> int:
        """Its length along the first dimension."""
        return self.shape[0] if self.shape else 1


class Mosaic:
    """Puts pieces together; see `Maker`.

    Args:
        shape: That of the whole.
        itemsize: Bytes a value.
        tiles: The pieces, which do not overlap.
        filling: The bytes of a value that no piece holds.
    """

    def __init__(
        self, shape: Shape, itemsize: int, tiles: Sequence[Tile], filling: bytes = b""
    ) -> None:
        self._shape = shape
        self._itemsize = itemsize
        self._tiles = sorted(tiles, key=attrgetter("top"))
        # The last row that any piece reaches, up to and with each.
        self._bottoms = list(accumulate((tile.top + tile.height for tile in self._tiles), max))
        self._filling = filling or bytes(itemsize)

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Gathers from the pieces; see `Maker`."""
        fill_whole(self._itemsize, at, buffer, partial(self._fill, held))

    def _fill(self, held: Addressed, first: int, buffer: memoryview) -> None:
        import numpy as np  # not needed as long as headers are read

        values = np.frombuffer(buffer, bits(self._itemsize))
        values[:] = np.frombuffer(self._filling, values.dtype)
        done = 0
        for box in boxes(self._shape, first, len(values)):
            shape = tuple(map(len, box))
            part = values[done : done + math.prod(shape)].reshape(shape)
            for tile in self._within(box):
                self._copy(held, tile, box, part)
            done += part.size

    def _within(self, box: Box) -> Iterator[Tile]:
        """Yields the pieces that may share values with a box."""
        rows = box[0] if box else range(1)
        begin = bisect_left(self._bottoms, rows.start + 1)
        end = bisect_left(self._tiles, rows.stop, key=attrgetter("top"))
        yield from self._tiles[begin:end]

    def _copy(self, held: Addressed, tile: Tile, box: Box, part: NDArray[Any]) -> None:
        """Copies what a piece and a box share."""
        shared = [
            range(max(one.start, start), min(one.stop, start + length))
            for one, start, length in zip(box, tile.origin, tile.shape, strict=True)
        ]
        if not all(shared):
            return
        strides = [self._itemsize * math.prod(tile.shape[axis + 1 :]) for axis in range(len(box))]
        steps = zip(shared, tile.origin, strides, strict=True)
        address = tile.address + sum((one.start - at) * step for one, at, step in steps)
        shape = tuple(map(len, shared))
        raw = memoryview(bytearray(math.prod(shape) * self._itemsize))
        with _opened(tile, held) as reader:
            Strided(address, self._itemsize, shape, tuple(strides)).read(reader, 0, raw)
        place = tuple(
            slice(a.start - b.start, a.stop - b.start) for a, b in zip(shared, box, strict=True)
        )
        part[place] = _values(raw, part.dtype, shape)


def _values(raw: memoryview, dtype: Any, shape: Shape) -> NDArray[Any]:  # noqa: ANN401 - a NumPy dtype
    import numpy as np

    return np.frombuffer(raw, dtype).reshape(shape)


def _opened(tile: Tile, held: Addressed) -> AbstractContextManager[Addressed]:
    return open_shard(tile.shard) if tile.shard else nullcontext(held)
