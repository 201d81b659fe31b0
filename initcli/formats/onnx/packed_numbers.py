"""Integers that are packed as protobuf packs them, each in as many bytes as it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from initcli.core.errors import MalformedError
from initcli.formats.storage.extents import Addressed
from initcli.formats.storage.stretch import Stretch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 8 << 20
"""Bytes of packed numbers that are unpacked at once, which takes some ten times as many."""
_LONGEST_NUMBER = 10


@dataclass(frozen=True, slots=True)
class Packed:
    """Makes integers of a width of packed ones; see `Maker`.

    Attributes:
        stretch: Where they lie.
        itemsize: Bytes a value.
        count: How many there are.
        where: What messages name.
    """

    stretch: Stretch
    itemsize: int
    count: int
    where: str

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Unpacks them all, and copies a part; see `Maker`."""
        import numpy as np

        raw = np.empty(self.stretch.size, np.uint8)
        held.read(self.stretch.begin, raw.data)
        values = unpacked(raw)
        if values is None or len(values) != self.count:
            message = f"the values of a tensor of {self.count:,} are malformed"
            raise MalformedError(message, where=self.where)
        bytewise = values.astype("<u8").view(np.uint8).reshape(-1, 8)[:, : self.itemsize]
        buffer[:] = bytewise.tobytes()[at : at + len(buffer)]


def unpacked(raw: NDArray[np.uint8]) -> NDArray[np.uint64] | None:
    """Returns numbers modulo 2⁶⁴; None if a number has no end."""
    import numpy as np

    ends = np.flatnonzero(raw < 1 << 7)
    if not len(raw):
        return np.zeros(0, np.uint64)
    if not len(ends) or ends[-1] != len(raw) - 1:
        return None
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _LONGEST_NUMBER:
        return None
    values = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max())):
        has = lengths > place
        part = (raw[starts[has] + place] & np.uint8(0x7F)).astype(np.uint64)
        values[has] |= part << np.uint64(7 * place)
    return values
