"""What a checkpoint holds, read through the same door as every statistic."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor
from initcli.formats.storage.reading import open_shard


def bytes_of(tensor: StoredTensor) -> bytes:
    """Returns a tensor's bytes: little-endian and row-major."""
    raw = bytearray(tensor.spec.nbytes)
    with open_shard(tensor.shard) as reader:
        reader.read(tensor.offset, memoryview(raw))
    return bytes(raw)


def contents_of(opened: Checkpoint) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Returns dtype, shape and bytes of every name, tied ones too."""
    names = {**{name: name for name in opened.tensors}, **opened.ties}
    return {
        name: (tensor.spec.dtype.code, tensor.spec.shape, bytes_of(tensor))
        for name, own in names.items()
        for tensor in [opened.tensors[own]]
    }


def row_major(array: NDArray[Any]) -> bytes:
    """Returns an array's bytes as a tensor of it has them."""
    return array.astype(array.dtype.newbyteorder("<")).tobytes("C")
