"""Hands a torch tensor's bytes over as safetensors stores them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from initcli.core.dtypes import DType

if TYPE_CHECKING:
    import torch

CHUNK_BYTES = 1 << 22


def chunks_of(tensor: torch.Tensor, dtype: DType) -> Iterator[memoryview]:
    """Yields a tensor's bytes, cast to a dtype: little-endian, row-major, some MiB at a time."""
    import torch

    plain = tensor.detach().resolve_conj().resolve_neg()
    # A single value may keep any stride and still count as contiguous.
    flat = plain.to("cpu").contiguous().as_strided((tensor.numel(),), (1,))
    count = max(1, CHUNK_BYTES // dtype.itemsize)
    for start in range(0, flat.numel(), count):
        part = flat[start : start + count].to(getattr(torch, dtype.torch)).contiguous()
        yield part.view(torch.uint8).numpy().data
