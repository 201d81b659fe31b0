"""The stream's bytes are the reference library's, and a file is complete or absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from initcli.core.dtypes import DTYPES
from initcli.core.errors import WriteError
from initcli.core.tensor import TensorSpec
from initcli.formats.safetensors import read_shard
from initcli.formats.writer import safetensors_writer

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


def stream(
    path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str], cut: int = 1 << 20
) -> None:
    codes = {dtype.torch: dtype for dtype in DTYPES.values()}
    specs = [
        TensorSpec(name, codes[str(value.dtype).removeprefix("torch.")], tuple(value.shape))
        for name, value in tensors.items()
    ]
    with safetensors_writer(path, specs, metadata, overwrite=True) as writer:
        for spec in writer.order:
            raw = memoryview(tensors[spec.name].reshape(-1).view(torch.uint8).numpy())
            writer.write(spec, (raw[start : start + cut] for start in range(0, len(raw), cut)))


@settings(max_examples=150, deadline=None)
@given(
    tensors=TENSORS,
    metadata=st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(), max_size=1),
    cut=st.sampled_from([1, 7, 1 << 20]),
)
def test_bytes_are_those_of_the_reference_writer(
    tensors: dict[str, tuple[str, list[int]]],
    metadata: dict[str, str],
    cut: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "stream.safetensors"
    values = {name: filled(*what) for name, what in tensors.items()}
    stream(path, values, metadata, cut)
    assert path.read_bytes() == save(values, metadata or None)


def test_several_metadata_are_written_in_one_order_and_read_back(tmp_path: Path) -> None:
    one, other = tmp_path / "1", tmp_path / "2"
    stream(one, {}, {"b": "2", "a": "1"})
    stream(other, {}, {"a": "1", "b": "2"})
    assert one.read_bytes() == other.read_bytes()
    assert read_shard(one)[0].metadata == {"a": "1", "b": "2"}


SPEC = TensorSpec("w", DTYPES["F32"], (2,))


@pytest.mark.parametrize("size", [0, 7, 9])
def test_chunks_that_do_not_add_up_leave_nothing(size: int, tmp_path: Path) -> None:
    with (
        pytest.raises(WriteError, match=f"{size} bytes for a tensor of 8"),
        safetensors_writer(tmp_path / "w", [SPEC], {}, overwrite=False) as writer,
    ):
        writer.write(SPEC, [memoryview(bytes(size))])
    assert not list(tmp_path.iterdir())


def test_a_tensor_that_is_never_written_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(WriteError, match="bytes were written of"),
        safetensors_writer(tmp_path / "w", [SPEC], {}, overwrite=False),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_chunks_may_share_one_buffer(tmp_path: Path) -> None:
    buffer = bytearray(4)

    def chunks() -> object:
        for byte in b"ab":
            buffer[:] = bytes([byte]) * 4
            yield memoryview(buffer)

    with safetensors_writer(tmp_path / "w", [SPEC], {}, overwrite=False) as writer:
        writer.write(SPEC, chunks())
    assert (tmp_path / "w").read_bytes().endswith(b"aaaabbbb")


FULL_DISK = """
import resource, sys
from pathlib import Path
from initcli.core.dtypes import DTYPES
from initcli.core.errors import WriteError
from initcli.core.tensor import TensorSpec
from initcli.formats.writer import safetensors_writer

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
path, exists = Path(sys.argv[1]), Path(sys.argv[1]).exists()
try:
    spec = TensorSpec("w", DTYPES["F32"], (1 << 20,))
    with safetensors_writer(path, [spec], {}, overwrite=True):
        print("drawn in vain")
except WriteError as error:
    print(error.message)
"""


@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_is_known_before_anything_is_drawn(exists: bool, tmp_path: Path) -> None:
    target = tmp_path / "w.safetensors"
    if exists:
        target.write_bytes(b"old")
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, target], capture_output=True, text=True, check=True
    )
    assert run.stdout == "File too large\n"
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert left == ({target.name: b"old"} if exists else {})
