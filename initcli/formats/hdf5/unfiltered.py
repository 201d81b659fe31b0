"""A chunk of an HDF5 dataset, of which the filters that it was written through are undone.

Source: https://support.hdfgroup.org/documentation/hdf5/latest/_h5_d__u_g.html (filters 1 to 3)
"""

from __future__ import annotations

import threading
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
_undone = threading.local()


@dataclass(frozen=True)
class Unfiltered:
    """Makes the values of a chunk, which can be had whole only; see `Maker`.

    A thread keeps the chunk it has read last.

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
        kept: tuple[Unfiltered, bytes] | None = getattr(_undone, "kept", None)
        if kept is None or kept[0] is not self:
            _undone.kept = None
            kept = _undone.kept = self, self._values(held)
        buffer[:] = memoryview(kept[1])[at : at + len(buffer)]

    def _values(self, held: Addressed) -> bytes:
        raw = bytearray(self.stored)
        held.read(self.address, memoryview(raw))
        values = bytes(raw)
        for number in reversed(self.filters):
            values = self._undo(number, values)
        if len(values) != self.size:
            raise self._flaw(f"of {self.size:,} bytes holds {len(values):,}")
        return values

    def _undo(self, number: int, raw: bytes) -> bytes:
        if number == FLETCHER32:
            return self._checked(raw)
        return self._inflated(raw) if number == DEFLATE else self._unshuffled(raw)

    def _checked(self, raw: bytes) -> bytes:
        values, told = raw[:-_CHECKSUM_BYTES], int.from_bytes(raw[-_CHECKSUM_BYTES:], "little")
        # Zero has two forms in sums modulo 65,535.
        if [each % _MODULUS for each in divmod(told, 1 << 16)] != fletcher32(values)[::-1]:
            raise self._flaw("does not have the checksum that is stored with it")
        return values

    def _inflated(self, raw: bytes) -> bytes:
        machine = zlib.decompressobj()
        try:
            values = machine.decompress(raw, self.size + _CHECKSUM_BYTES)
        except zlib.error as error:
            raise self._flaw("is no deflated data") from error
        if not machine.eof:
            raise self._flaw("does not end where it should")
        return values

    def _unshuffled(self, raw: bytes) -> bytes:
        """Returns values of which the first bytes were stored first, then the second ones."""
        import numpy as np

        whole = len(raw) // self.itemsize * self.itemsize
        bytewise = np.frombuffer(raw[:whole], np.uint8).reshape(self.itemsize, -1)
        return bytewise.T.tobytes() + raw[whole:]

    def _flaw(self, what: str) -> MalformedError:
        return MalformedError(f"a chunk {what}", where=self.where, hint="fetch the file again")


def fletcher32(raw: bytes) -> list[int]:
    """Returns the two sums of Fletcher's checksum, modulo 65,535, as HDF5 takes it.

    With 16-bit big-endian words wᵢ, i = 0 … n−1: Σ wᵢ and Σ (n − i)·wᵢ.
    Source: https://github.com/HDFGroup/hdf5/blob/hdf5_2.0.0/src/H5checksum.c
    """
    import numpy as np

    words = np.frombuffer(raw + bytes(len(raw) % 2), ">u2")
    sums = [0, 0]
    for start in range(0, len(words), _WORDS_AT_ONCE):
        part = words[start : start + _WORDS_AT_ONCE].astype(np.uint64)
        weights = np.uint64(len(words) - start) - np.arange(len(part), dtype=np.uint64)
        sums[0] += int(part.sum())
        sums[1] += int((part * weights).sum())
    return [each % _MODULUS for each in sums]
