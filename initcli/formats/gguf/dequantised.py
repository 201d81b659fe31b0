"""Values that are stored in blocks, as float32 ones, a few blocks at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from initcli.formats.gguf.types import TYPES
from initcli.formats.storage.extents import Addressed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ITEMSIZE = 4
# The library makes some twenty arrays of the size of its result.
_VALUES_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Dequantised:
    """Makes values of blocks by the `gguf` library; see `Maker`.

    Attributes:
        base: The address of the first block.
        number: The type's number in `TYPES`.
    """

    base: int
    number: int

    def read(self, held: Addressed, at: int, buffer: memoryview) -> None:
        """Dequantises the blocks that hold a stretch; see `Maker`."""
        length = TYPES[self.number].block * _ITEMSIZE
        together = max(1, _VALUES_AT_ONCE * _ITEMSIZE // length)
        done = 0
        while done < len(buffer):
            first, skipped = divmod(at + done, length)
            wanted = -(-(skipped + len(buffer) - done) // length)
            values = self._blocks(held, first, min(wanted, together))
            part = values.data[skipped : skipped + len(buffer) - done]
            buffer[done : done + len(part)] = part
            done += len(part)

    def _blocks(self, held: Addressed, first: int, count: int) -> NDArray[np.uint8]:
        import numpy as np
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        size = TYPES[self.number].size
        raw = np.empty(count * size, np.uint8)
        held.read(self.base + first * size, raw.data)
        with np.errstate(all="ignore"):
            values = dequantize(raw, GGMLQuantizationType(self.number))
        return np.ascontiguousarray(values, "<f4").view(np.uint8)
