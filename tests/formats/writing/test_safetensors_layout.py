"""What is laid out beforehand and filled in any order has the reference library's bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.formats.safetensors import read_shard
from initcli.formats.writing.placed import open_placed, reserve
from initcli.formats.writing.safetensors_layout import safetensors_layout

WHOLE = [code for code, dtype in DTYPES.items() if dtype.torch and not dtype.is_packed]
NAMES = st.text(st.characters(codec="utf-8"), max_size=6).filter(lambda name: name[:2] != "__")
TENSORS = st.dictionaries(
    NAMES,
    st.tuples(st.sampled_from(WHOLE), st.lists(st.integers(0, 3), max_size=3)),
    max_size=8,
)


def filled(code: str, shape: list[int]) -> torch.Tensor:
    values = torch.zeros(shape, dtype=getattr(torch, DTYPES[code].torch))
    raw = values.view(-1).view(torch.uint8)
    raw.copy_(torch.arange(raw.numel()) % 2)
    return values


def write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    codes = {dtype.torch: dtype for dtype in DTYPES.values()}
    specs = [
        TensorSpec(name, codes[str(value.dtype).removeprefix("torch.")], tuple(value.shape))
        for name, value in tensors.items()
    ]
    layout = safetensors_layout(specs, metadata)
    path.unlink(missing_ok=True)
    reserve(path, layout)
    with open_placed(path) as file:
        for place in reversed(layout.places):
            values = tensors[place.spec.name].reshape(-1).view(torch.uint8)
            file.write(place.offset, memoryview(values.numpy()))


@settings(max_examples=150, deadline=None)
@given(
    tensors=TENSORS,
    metadata=st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(), max_size=1),
)
def test_bytes_are_those_of_the_reference_writer(
    tensors: dict[str, tuple[str, list[int]]],
    metadata: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "placed.safetensors"
    values = {name: filled(*what) for name, what in tensors.items()}
    write(path, values, metadata)
    assert path.read_bytes() == save(values, metadata or None)


def test_several_metadata_are_written_in_one_order_and_read_back(tmp_path: Path) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    write(one, {}, {"b": "2", "a": "1"})
    write(other, {}, {"a": "1", "b": "2"})
    assert one.read_bytes() == other.read_bytes()
    assert read_shard(one)[0].metadata == {"a": "1", "b": "2"}
