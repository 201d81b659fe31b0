"""Opens a GGUF file: plain values where they lie, quantised ones as what is made of them.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from initcli.core.collector import uncollected
from initcli.core.dtypes import BYTE
from initcli.core.errors import InitcliError, MalformedError, TruncatedError
from initcli.core.tensor import TensorSpec, bits_of
from initcli.core.text import plural, visible
from initcli.formats.gguf.dequantised import Dequantised
from initcli.formats.gguf.header import GgufHeader, GgufTensor, read_gguf_header
from initcli.formats.gguf.parts import with_other_parts
from initcli.formats.gguf.types import TYPES, GgufType
from initcli.formats.making.strided import Strided
from initcli.formats.peek import Peek
from initcli.formats.storage.checkpoint import OpenedFile, Shard, StoredTensor, open_regular
from initcli.formats.storage.defect import Defect, Tell, taking_note, unreadable
from initcli.formats.storage.extents import AddressSpace


def read_gguf(peek: Peek) -> OpenedFile:
    """Opens a file, and the other parts of a model that was split; broken tensors are defects.

    Raises:
        MissingError: The file cannot be opened.
        MalformedError, TruncatedError: Its header breaks a rule of the format.
    """
    return with_other_parts(peek.path, read_part(peek.path), read_part)


def read_part(path: Path) -> OpenedFile:
    """Opens one file; what is wrong with single tensors is a defect.

    Raises:
        MissingError, MalformedError, TruncatedError: See `read_gguf`.
    """
    descriptor, size, identity = open_regular(path)
    defects: list[Defect] = []
    where = visible(str(path), 300)
    with os.fdopen(descriptor, "rb") as file, uncollected():
        header = read_gguf_header(file, size, where)
        stored, space = _Data(header, size, where), AddressSpace(size)
        specs = stored.specs(taking_note(defects))
        placed = [(spec, stored.address(one, space)) for one, spec in specs]
    shard = Shard(path, size, identity, header.metadata, space.extents)
    tensors = {spec.name: StoredTensor(spec, shard, address) for spec, address in placed}
    cut = f"{plural(header.cut, 'text')} of the metadata, too long to be shown whole"
    notes = (f"cut: {cut}",) if header.cut else ()
    return OpenedFile(shard, tensors, notes=notes, defects=tuple(defects))


@dataclass(frozen=True, slots=True)
class _Data:
    """What lies behind a header.

    Attributes:
        header: What it says.
        size: The file's bytes.
        where: The file, as messages name it.
    """

    header: GgufHeader
    size: int
    where: str

    def specs(self, tell: Tell) -> Iterator[tuple[GgufTensor, TensorSpec]]:
        """Yields the tensors that lie within the file, in the order of their bytes."""
        placed = list[tuple[GgufTensor, int]]()
        for one in sorted(self.header.tensors, key=lambda each: each.offset):
            try:
                placed.append((one, self._end(one)))
            except InitcliError as error:
                tell(unreadable(one.name, error))
        self._refuse_overlaps(placed)
        for one, _ in placed:
            kind = TYPES[one.number]
            dtype = kind.dtype(is_big=self.header.is_big)
            is_made = dtype.is_decoded and not kind.is_plain
            yield one, TensorSpec(one.name, dtype, one.shape, kind.code if is_made else "")

    def address(self, one: GgufTensor, space: AddressSpace) -> int:
        """Returns where a tensor's bytes are read."""
        base, kind = self.header.start + one.offset, TYPES[one.number]
        dtype = kind.dtype(is_big=self.header.is_big)
        count = math.prod(one.shape)
        if kind.is_plain and self.header.is_big and kind.size > 1:
            maker = Strided(base, kind.size, (count,), (kind.size,), kind.size)
            return space.place(count * kind.size, maker)
        if not kind.is_plain and dtype.is_decoded:
            return space.place(count * dtype.itemsize, Dequantised(base, one.number))
        return base

    def _end(self, one: GgufTensor) -> int:
        """Returns where a tensor's bytes end, from the start of the file's data."""
        here = f"{self.where}, tensor {visible(one.name, 80)}"
        kind = TYPES.get(one.number)
        if kind is None:
            raise MalformedError(f"tensor type {one.number} is not known", where=here)
        if one.offset % self.header.alignment:
            message = f"its offset is no multiple of {self.header.alignment:,}"
            raise MalformedError(message, where=here)
        end = one.offset + self._nbytes(one, kind, here)
        if end > self.size - self.header.start and end > one.offset:
            message = f"it ends at data byte {end:,}, and the file before"
            raise TruncatedError(message, where=here, hint="fetch or copy the file again")
        return end

    @staticmethod
    def _nbytes(one: GgufTensor, kind: GgufType, here: str) -> int:
        bits = bits_of(one.shape, BYTE * kind.size)
        if bits is None:
            raise MalformedError("the shape's product overflows", where=here)
        if not kind.is_plain and (not one.shape or one.shape[-1] % kind.block):
            message = f"{kind.code} values come in blocks of {kind.block}, which do not fill a row"
            raise MalformedError(message, where=here)
        return bits // BYTE // kind.block

    def _refuse_overlaps(self, placed: Sequence[tuple[GgufTensor, int]]) -> None:
        held = [(one, end) for one, end in placed if end > one.offset]
        for (one, end), (other, _) in pairwise(held):
            if other.offset < end:
                names = f"{visible(one.name, 80)} and {visible(other.name, 80)}"
                raise MalformedError(f"tensors overlap: {names}", where=self.where)
