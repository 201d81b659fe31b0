"""Where the values of an HDF5 dataset lie, which the library tells and does not read for us."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from initcli.core.dtypes import DTYPES, DType
from initcli.core.errors import MalformedError, TruncatedError
from initcli.core.tensor import Shape, TensorSpec, bits_of
from initcli.formats.hdf5.unfiltered import DEFLATE, FLETCHER32, LARGEST, SHUFFLE, Unfiltered
from initcli.formats.making.banded import BAND_BYTES, Banded
from initcli.formats.making.literal import Literal
from initcli.formats.making.mosaic import Mosaic, Tile
from initcli.formats.making.shared import WIDEST, Board, Shared
from initcli.formats.making.strided import Strided
from initcli.formats.npy.dtypes import stored_dtype
from initcli.formats.storage.extents import AddressSpace, Maker
from initcli.formats.storage.unread import UnreadError

_MOST_CHUNKS = 100_000
_FILTERS = {DEFLATE, SHUFFLE, FLETCHER32}
# Keras tells so what NumPy, and so HDF5, has no name for.
_TOLD = {"bfloat16": "BF16"}
_OPAQUE = "V2"
# Each thread undoes smaller ones by itself.
_LARGE_CHUNK = 1 << 20
_OWN_BAND = 16 << 20
_MOST_COMPACT = 64 << 20


@dataclass(slots=True)
class Room:
    """The file that holds datasets.

    Attributes:
        base: The address of its first byte.
        size: Its bytes.
        space: Hands out addresses for what must be made.
        board: Holds for all threads what is made of large chunks.
        left: Bytes of headers' own values that may still be held.
    """

    base: int
    size: int
    space: AddressSpace
    board: Board = field(default_factory=Board)
    left: int = _MOST_COMPACT

    def place(self, offset: int, size: int, where: str) -> int:
        """Returns the address of stored bytes.

        Raises:
            TruncatedError: The file ends before they do.
        """
        if offset + size > self.size:
            message = f"values end at byte {offset + size:,}, and the file before"
            raise TruncatedError(message, where=where, hint="fetch or copy the file again")
        return self.base + offset


def placed(dataset: Any, name: str, room: Room, where: str) -> tuple[TensorSpec, int]:  # noqa: ANN401 - h5py has no types
    """Returns a dataset's spec, and the address of its values.

    Args:
        dataset: An `h5py.Dataset`.
        name: Under which it is told.
        room: Its file.
        where: The dataset, as messages name it.

    Raises:
        UnreadError: Its values are no numbers, lie in other files, or cannot be had in bounded
            memory.
        MalformedError, TruncatedError: It breaks a rule of the format.
    """
    dtype, swapped = _dtype(dataset, where)
    shape = tuple(map(int, dataset.shape))
    if bits_of(shape, dtype.bits) is None:
        raise MalformedError("the shape's product overflows", where=where)
    spec = TensorSpec(name, dtype, shape)
    base = _Stored(dataset, spec, room, where).address() if spec.nbytes else room.base
    if swapped == 1:
        return spec, base
    steps = tuple(dtype.itemsize * math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return spec, room.space.place(spec.nbytes, Strided(base, dtype.itemsize, shape, steps, swapped))


def _dtype(dataset: Any, where: str) -> tuple[DType, int]:  # noqa: ANN401 - h5py has no types
    import h5py

    dtype = dataset.dtype
    if h5py.check_string_dtype(dtype):
        raise UnreadError("its values are texts", where=where)
    if dtype.kind == "O" or dtype.names or dtype.subdtype or dataset.shape is None:
        raise UnreadError("its values are no numbers", where=where)
    known = h5py.h5t.py_create(dtype, logical=True)
    if not dataset.id.get_type().equal(known):
        raise UnreadError("its values are of a type of HDF5's own", where=where)
    if dtype.str.endswith(_OPAQUE) and (told := _TOLD.get(str(dataset.attrs.get("dtype")))):
        return DTYPES[told], 1
    return stored_dtype(dtype.str, where)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A dataset with values."""

    dataset: Any
    spec: TensorSpec
    room: Room
    where: str

    def address(self) -> int:
        """Returns the address of its values, which lie row by row as they are stored."""
        import h5py

        plan = self.dataset.id.get_create_plist()
        if plan.get_external_count() or self.dataset.is_virtual:
            raise self._unread("its values lie in other files, which are never read")
        layout = plan.get_layout()
        if layout == h5py.h5d.COMPACT:
            return self._compact()
        if layout == h5py.h5d.CHUNKED:
            return self._chunked(plan.get_chunk(), self._filters(plan))
        offset = self.dataset.id.get_offset()
        if offset is None:
            return self._made(self._mosaic([]))
        return self.room.place(offset, self.spec.nbytes, self.where)

    def _compact(self) -> int:
        """Returns the address of values that are part of the header, at most 64 KiB."""
        self.room.left -= self.spec.nbytes
        if self.room.left < 0:
            what = f"headers hold more than {_MOST_COMPACT:,} bytes of values themselves"
            raise self._unread(what)
        return self.room.space.place(self.spec.nbytes, Literal(self.dataset[()].tobytes()))

    def _chunked(self, shape: Shape, filters: list[int]) -> int:
        mosaic = self._mosaic(self._tiles(shape, filters))
        size = math.prod(shape) * self.spec.dtype.itemsize
        if not filters or size <= _LARGE_CHUNK:
            return self._made(mosaic)
        # Of a chunk all is undone, however little of it a stretch of rows needs.
        rows = shape[0] * self.spec.nbytes // self.spec.shape[0]
        shared = Shared(mosaic, self.spec.nbytes, min(rows, WIDEST), self.room.board)
        return self._made(shared, _OWN_BAND)

    def _made(self, maker: Maker, band: int = BAND_BYTES) -> int:
        return self.room.space.place(self.spec.nbytes, Banded(maker, self.spec.nbytes, band))

    def _mosaic(self, tiles: list[Tile]) -> Mosaic:
        import numpy as np

        filling = np.asarray(self.dataset.fillvalue, self.dataset.dtype).tobytes()
        return Mosaic(self.spec.shape, self.spec.dtype.itemsize, tiles, filling)

    def _filters(self, plan: Any) -> list[int]:  # noqa: ANN401 - h5py has no types
        filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
        if unknown := [str(each) for each in filters if each not in _FILTERS]:
            raise self._unread(f"its chunks went through filter {unknown[0]}, which is not read")
        return filters

    def _tiles(self, shape: Shape, filters: list[int]) -> list[Tile]:
        if self.dataset.id.get_num_chunks() > _MOST_CHUNKS:
            raise self._unread(f"it has more than {_MOST_CHUNKS:,} chunks")
        size = math.prod(shape) * self.spec.dtype.itemsize
        if filters and size > LARGEST:
            raise self._unread(f"its chunks have {size:,} bytes; at most {LARGEST:,} are read")
        chunks: list[Any] = []
        self.dataset.id.chunk_iter(chunks.append)
        return [Tile(each.chunk_offset, shape, self._chunk(each, size, filters)) for each in chunks]

    def _chunk(self, chunk: Any, size: int, filters: list[int]) -> int:  # noqa: ANN401 - likewise
        """Returns the address of a chunk's values."""
        done = [each for at, each in enumerate(filters) if not chunk.filter_mask >> at & 1]
        if chunk.size > 2 * LARGEST or (not done and chunk.size != size):
            raise self._refusal(f"a chunk of {size:,} bytes takes {chunk.size:,}")
        address = self.room.place(chunk.byte_offset, chunk.size, self.where)
        if not done:
            return address
        itemsize = self.spec.dtype.itemsize
        maker = Unfiltered(address, chunk.size, size, itemsize, tuple(done), self.where)
        return self.room.space.place(size, maker)

    def _unread(self, what: str) -> UnreadError:
        return UnreadError(what, where=self.where)

    def _refusal(self, what: str) -> MalformedError:
        return MalformedError(what, where=self.where)
