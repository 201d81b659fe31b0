"""A chunk of an HDF5 dataset, of which the filters that it was written through are undone.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_h5_d__u_g.html (filters 1 to 3)
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from initcli.core.errors import MalformedError
from initcli.formats.storage.extents import Addressed

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
LARGEST = 32 << 20
"""Bytes of a chunk that are held at once."""
_CHECKSUM_BYTES = 4
_MODULUS = 65_535
_WORDS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Unfiltered:
    """Makes the values of a chunk, which can be had whole only; see `Maker`.

    A reader keeps the chunk that was read last.

    Attributes:
        address: Where its bytes begin.
        stored: How many they are.
        size: Bytes of its values.
        itemsize: Bytes a value.
        filters: What they were written through, in that order.
        where: What messages name.
    """

    address: int
    stored: int
    size: int
    itemsize: int
    filters: tuple[int, ...]
    where: str

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Copies from the chunk; see `Maker`."""
        kept = held.kept.pop(Unfiltered, None)
        if kept is None or kept[0] is not self:
            kept = None  # so that no two are held at once
            kept = self, 0, self._values(held)
        held.kept[Unfiltered] = kept
        buffer[:] = kept[2][at : at + len(buffer)]

    def _values(self, held: Addressed) -> memoryview:
        values = memoryview(bytearray(self.stored))
        held.read(self.address, values)
        for number in reversed(self.filters):
            values = self._undo(number, values)
        if len(values) != self.size:
            raise self._flaw(f"of {self.size:,} bytes holds {len(values):,}")
        return values

    def _undo(self, number: int, raw: memoryview) -> memoryview:
        if number == FLETCHER32:
            return self._checked(raw)
        return self._inflated(raw) if number == DEFLATE else self._unshuffled(raw)

    def _checked(self, raw: memoryview) -> memoryview:
        values, told = raw[:-_CHECKSUM_BYTES], int.from_bytes(raw[-_CHECKSUM_BYTES:], "little")
        # Zero has two forms in sums modulo 65,535.
        if [each % _MODULUS for each in divmod(told, 1 << 16)] != fletcher32(values)[::-1]:
            raise self._flaw("does not have the checksum that is stored with it")
        return values

    def _inflated(self, raw: memoryview) -> memoryview:
        machine = zlib.decompressobj()
        try:
            values = machine.decompress(raw, self.size + _CHECKSUM_BYTES)
        except zlib.error as error:
            raise self._flaw("is no deflated data") from error
        if not machine.eof:
            raise self._flaw("does not end where it should")
        return memoryview(values)

    def _unshuffled(self, raw: memoryview) -> memoryview:
        """Returns values of which the first bytes were stored first, then the second ones."""
        import numpy as np

        whole = len(raw) // self.itemsize * self.itemsize
        values = np.empty(len(raw), np.uint8)
        bytewise = np.frombuffer(raw[:whole], np.uint8).reshape(self.itemsize, -1)
        values[:whole].reshape(-1, self.itemsize)[:] = bytewise.T
        values[whole:] = raw[whole:]
        return values.data

    def _flaw(self, what: str) -> MalformedError:
        return MalformedError(f"a chunk {what}", where=self.where, hint="fetch the file again")


def fletcher32(raw: bytes | memoryview) -> list[int]:
    """Returns the two sums of Fletcher's checksum, modulo 65,535, as HDF5 takes it.

    With 16-bit big-endian words wᵢ, i = 0 … n−1: Σ wᵢ and Σ (n − i)·wᵢ.
    Source: https://github.com/HDFGroup/hdf5/blob/hdf5_2.0.0/src/H5checksum.c
    """
    import numpy as np

    count, sums = -(-len(raw) // 2), [0, 0]
    for start in range(0, count, _WORDS_AT_ONCE):
        held = bytes(raw[2 * start : 2 * (start + _WORDS_AT_ONCE)])
        part = np.frombuffer(held + bytes(len(held) % 2), ">u2").astype(np.uint64)
        weights = np.uint64(count - start) - np.arange(len(part), dtype=np.uint64)
        sums[0] += int(part.sum())
        sums[1] += int((part * weights).sum())
    return [each % _MODULUS for each in sums]
