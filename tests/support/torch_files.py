"""Files that PyTorch writes, and what it says is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from initcli.core.dtypes import BYTE, DTYPES, FOREIGN

CODES = {dtype.torch: dtype for dtype in (*DTYPES.values(), *FOREIGN.values()) if dtype.torch}
LAYOUTS = {"archive": True, "legacy": False}


def saved(path: Path, content: object, layout: str = "archive", **options: Any) -> Path:  # noqa: ANN401 - torch.save's own
    """Writes whatever it is in one of PyTorch's layouts."""
    torch.save(content, path, _use_new_zipfile_serialization=LAYOUTS[layout], **options)
    return path


def content_of(value: torch.Tensor) -> tuple[str, tuple[int, ...], bytes]:
    """Returns dtype, shape and bytes as PyTorch has them."""
    dtype = CODES[str(value.dtype).removeprefix("torch.")]
    flat = value.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
    flat = flat.reshape(-1)
    raw = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    shape = tuple(value.shape)
    packed = BYTE // dtype.bits if dtype.is_packed else 1
    return dtype.code, (*shape[:-1], shape[-1] * packed) if shape else shape, raw


def contents_in(path: Path) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """Returns what PyTorch itself finds in a flat state dict."""
    state = torch.load(path, weights_only=True)
    return {name: content_of(value) for name, value in state.items()}


def filled(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    """Returns a tensor of random bytes, but for booleans, which must be 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.empty(shape, dtype=dtype).nbytes
    high = 2 if dtype is torch.bool else 256
    raw = torch.randint(0, high, (size,), dtype=torch.uint8, generator=generator)
    return raw.view(dtype).reshape(shape)
