"""Lays out a safetensors file, byte for byte as the reference library's `save_file` does.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import accumulate

from initcli.core.dtypes import STORAGE_RANK
from initcli.core.errors import OutputError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.safetensors import PREFIX
from initcli.formats.writing.file_layout import FileLayout, Patch, Place


def safetensors_layout(specs: Iterable[TensorSpec], metadata: Mapping[str, str]) -> FileLayout:
    """Lays out one file: the header, then every tensor in storage order.

    Args:
        specs: The tensors, in any order.
        metadata: What `__metadata__` holds.

    Raises:
        OutputError: The format has no dtype for a tensor.
    """
    specs = list(specs)
    _refuse_foreign(specs)
    order = _storage_order(specs)
    ends = list(accumulate((spec.nbytes for spec in order), initial=0))
    header = _header(order, ends, metadata)
    places = (Place(spec, len(header) + begin) for spec, begin in zip(order, ends, strict=False))
    return FileLayout(len(header) + ends[-1], tuple(places), (Patch(0, header),))


def _refuse_foreign(specs: Iterable[TensorSpec]) -> None:
    for spec in specs:
        if spec.dtype.code not in STORAGE_RANK:
            message = f"safetensors has no dtype for {spec.dtype.code}"
            hint = "end the name in .pt" if spec.dtype.torch else "no format written here has one"
            raise OutputError(message, where=visible(spec.name, 200), hint=hint)


def _storage_order(specs: Iterable[TensorSpec]) -> list[TensorSpec]:
    """Orders tensors as the reference writer does: widest dtype first, then by name."""
    return sorted(specs, key=lambda spec: (-STORAGE_RANK[spec.dtype.code], spec.name.encode()))


def _header(order: list[TensorSpec], ends: list[int], metadata: Mapping[str, str]) -> bytes:
    document: dict[str, object] = (
        {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    )
    for spec, begin, end in zip(order, ends, ends[1:], strict=False):
        document[spec.name] = {
            "dtype": spec.dtype.code,
            "shape": list(spec.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % PREFIX)
    return len(text).to_bytes(PREFIX, "little") + text
