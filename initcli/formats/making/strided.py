"""Values that lie apart, in another order or with their bytes reversed, as row-major ones.

Covers views of a larger storage, Fortran order and big-endian values alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Any

from initcli.core.tensor import Shape
from initcli.formats.storage.extents import Addressed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SCRATCH = 1 << 20
# What lies between two values is read too if it is shorter: asking anew costs as much time.
_GAP = 1 << 14

Box = tuple[range, ...]
"""Consecutive indices along every dimension."""


@dataclass(frozen=True, slots=True)
class Strided:
    """Values at regular distances.

    Attributes:
        base: The address of the first.
        itemsize: Bytes a value.
        shape: How many there are along each dimension.
        strides: The distance along each dimension, in bytes; none is negative.
        swapped: Bytes of what is stored big-endian, such as half a complex value; 1 for nothing.
    """

    base: int
    itemsize: int
    shape: Shape
    strides: Shape
    swapped: int = 1

    @property
    def span(self) -> int:
        """Bytes from the first to behind the last; 0 where there are no values."""
        return 0 if 0 in self.shape else _span(self.shape, self.strides, self.itemsize)

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Gathers values; see `Maker`."""
        fill_whole(self.itemsize, at, buffer, partial(self._fill, held))

    def _fill(self, held: Addressed, first: int, buffer: memoryview) -> None:
        import numpy as np  # not needed as long as headers are read

        values = np.frombuffer(buffer, bits(self.itemsize))
        scratch = np.empty(_SCRATCH, np.uint8)
        done = 0
        for box in boxes(self.shape, first, len(values)):
            shape = tuple(len(indices) for indices in box)
            count = math.prod(shape)
            steps = zip(box, self.strides, strict=True)
            start = self.base + sum(indices.start * stride for indices, stride in steps)
            part = values[done : done + count].reshape(shape)
            _gather(held, start, self.strides, part, scratch)
            done += count
        if self.swapped > 1:
            np.frombuffer(buffer, bits(self.swapped)).byteswap(inplace=True)


def strides_of(shape: Shape, itemsize: int, *, is_fortran: bool = False) -> Shape:
    """Returns the distance in bytes between neighbours along each dimension.

    Args:
        shape: How many values there are along each.
        itemsize: Bytes a value.
        is_fortran: Whether the first index runs fastest, and not the last.
    """
    lengths = shape if is_fortran else shape[::-1]
    strides = tuple(accumulate(lengths[:-1], mul, initial=itemsize)) if shape else ()
    return strides if is_fortran else strides[::-1]


def fill_whole(
    itemsize: int, at: int, buffer: memoryview, fill: Callable[[int, memoryview], None]
) -> None:
    """Fills a buffer that may begin and end inside values.

    Args:
        itemsize: Bytes a value.
        at: The first byte.
        buffer: What is to be filled.
        fill: Fills a buffer with whole values, from the one of a number on.
    """
    skipped = at % itemsize
    ragged = -(skipped + len(buffer)) % itemsize
    if not skipped and not ragged:
        fill(at // itemsize, buffer)
        return
    whole = memoryview(bytearray(skipped + len(buffer) + ragged))
    fill(at // itemsize, whole)
    buffer[:] = whole[skipped : skipped + len(buffer)]


def bits(itemsize: int) -> np.dtype[Any]:
    """Returns a dtype that copies values as they are."""
    import numpy as np

    return np.dtype(f"u{itemsize}" if itemsize in {1, 2, 4, 8} else f"V{itemsize}")


def _span(shape: Sequence[int], strides: Sequence[int], itemsize: int) -> int:
    apart = ((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    return sum(apart) + itemsize


def boxes(shape: Shape, first: int, count: int) -> Iterator[Box]:
    """Yields boxes that hold consecutive values in row-major order, each of them consecutive too.

    There are at most two a dimension.

    Args:
        shape: Of the whole.
        first: The first value, by its number.
        count: How many there are.
    """
    if not shape:
        yield ()
        return
    rest, inner = shape[1:], math.prod(shape[1:])
    row, skipped = divmod(first, inner)
    if skipped:
        begun = min(count, inner - skipped)
        yield from _in_row(row, rest, skipped, begun)
        row, count = row + 1, count - begun
    rows, left = divmod(count, inner)
    if rows:
        yield (range(row, row + rows), *map(range, rest))
    if left:
        yield from _in_row(row + rows, rest, 0, left)


def _in_row(row: int, rest: Shape, first: int, count: int) -> Iterator[Box]:
    return ((range(row, row + 1), *box) for box in boxes(rest, first, count))


def _gather(
    held: Addressed, start: int, strides: Shape, out: NDArray[Any], scratch: NDArray[np.uint8]
) -> None:
    """Copies a box of values, in reads that fit the scratch and leave large gaps out."""
    import numpy as np

    steps = [stride if n > 1 else 0 for n, stride in zip(out.shape, strides, strict=True)]
    widest = max(steps, default=0)
    span = _span(out.shape, steps, out.itemsize)
    if widest <= _GAP and span <= _SCRATCH:
        held.read(start, scratch[:span].data)
        out[...] = np.ndarray(out.shape, out.dtype, scratch.data, 0, steps)
        return
    axis = steps.index(widest)
    inner = span - (out.shape[axis] - 1) * widest
    together = max(1, 1 + (_SCRATCH - inner) // widest) if widest <= _GAP else 1
    for at in range(0, out.shape[axis], together):
        part = out[(slice(None),) * axis + (slice(at, at + together),)]
        _gather(held, start + at * widest, strides, part, scratch)
