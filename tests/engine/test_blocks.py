"""Blocks that are read are slices of the array that the reference library loads."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from identified import cast
from initcli.core.errors import TruncatedError
from initcli.core.progress import Progress
from initcli.engine.blocks import look_at_blocks
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.theory.identify.block import Block, Extent, Sides, sides_of
from raw import DRAWABLE

Floats = NDArray[np.float64]


class Telling(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.total, self.read = 0, 0

    def start(self, total: int) -> None:
        self.total += total

    def advance(self, count: int) -> None:
        self.read += count


def written(path: Path, tensors: Mapping[str, torch.Tensor]) -> Checkpoint:
    save_file(dict(tensors), path)
    return open_checkpoint(path)


def itself(block: Block) -> Block:
    return block


def matrices(checkpoint: Checkpoint, path: Path) -> dict[str, Floats]:
    """Returns what the library loads, as the matrices that tensors are looked at as."""
    return {
        name: values.double().numpy().reshape(values.shape[0], -1)
        for name, values in load_file(path).items()
        if name in checkpoint.tensors
    }


def expected(matrix: Floats, part: Extent) -> Floats:
    """Returns a part of a matrix about its mean, without the rows of nothing."""
    step = (len(matrix) - 1) / max(1, part.rows - 1)
    rows = [round(step * number) for number in range(part.rows)]
    held = matrix[rows, : part.columns]
    held = held[held.any(axis=1)]
    return held - held.mean() if held.size else held


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blocks")


SHAPES = st.lists(st.integers(1, 12), min_size=2, max_size=4).map(tuple)


@settings(max_examples=60)
@given(shape=SHAPES, code=st.sampled_from(DRAWABLE), most=st.integers(1, 4000), data=st.data())
def test_a_block_is_a_slice_of_the_loaded_array(
    place: Path, shape: tuple[int, ...], code: str, most: int, data: st.DataObject
) -> None:
    sides = sides_of(shape)
    if sides is None:
        return
    torch.manual_seed(data.draw(st.integers(0, 99)))
    values = torch.randn(shape)
    values[data.draw(st.integers(0, shape[0] - 1))] = 0
    path = place / "w.safetensors"
    # What stands before it in the file is no whole number of its rows.
    checkpoint = written(path, {"a": torch.ones(3), "w": cast(values, code).contiguous()})
    rows = data.draw(st.integers(1, sides.rows))
    inputs = data.draw(st.integers(1, sides.columns // sides.taps))
    for part in (Extent.of(sides, most), Extent(sides, rows, inputs * sides.taps)):
        ((name, block),) = look_at_blocks(checkpoint, {"w": part}, itself)
        assert name == "w"
        held = expected(matrices(checkpoint, path)["w"], part)
        np.testing.assert_allclose(block.values * block.scale, held, rtol=1e-9, atol=1e-12)
        assert (block.taps, block.tap_columns) == (sides.taps, sides.tap_columns)


@pytest.fixture(scope="module")
def many(place: Path) -> tuple[Path, Checkpoint]:
    torch.manual_seed(1)
    tensors = {
        f"w{number:02}": cast(torch.randn(40 + number, 33), "BF16" if number % 2 else "F32")
        for number in range(24)
    }
    path = place / "many.safetensors"
    return path, written(path, tensors)


def parts_of(checkpoint: Checkpoint, most: int) -> dict[str, Extent]:
    sides = {
        name: Sides(*tensor.spec.shape) for name, tensor in reversed(checkpoint.tensors.items())
    }
    return {name: Extent.of(each, most) for name, each in sides.items()}


@pytest.mark.parametrize("most", [300, 1 << 18])
def test_threads_change_neither_blocks_nor_their_order(
    many: tuple[Path, Checkpoint], most: int
) -> None:
    path, checkpoint = many
    parts = parts_of(checkpoint, most)
    loaded = matrices(checkpoint, path)
    by_jobs = [list(look_at_blocks(checkpoint, parts, itself, jobs)) for jobs in (1, 2, 5)]
    for found in by_jobs:
        # In file order, as the library wrote them: wider dtypes first.
        assert [name for name, _ in found] == list(checkpoint.tensors)
        for name, block in found:
            held = expected(loaded[name], parts[name])
            np.testing.assert_allclose(block.values * block.scale, held, rtol=1e-9, atol=1e-12)
    for one, other in zip(by_jobs[0], by_jobs[1], strict=True):
        assert np.array_equal(one[1].values, other[1].values)


def test_looks_run_on_the_threads_that_are_asked_for(many: tuple[Path, Checkpoint]) -> None:
    checkpoint = many[1]
    parts = parts_of(checkpoint, 300)
    met = threading.Barrier(2, timeout=30)
    names = list(checkpoint.tensors)[:2]

    def look(_: Block) -> int:
        met.wait()  # two looks wait for each other: one thread alone would wait in vain
        return threading.get_ident()

    found = dict(look_at_blocks(checkpoint, {name: parts[name] for name in names}, look, 2))
    assert len(set(found.values())) == 2
    alone = dict(look_at_blocks(checkpoint, parts, lambda _: threading.get_ident()))
    assert set(alone.values()) == {threading.get_ident()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_told_of_every_tensor_whole(many: tuple[Path, Checkpoint], jobs: int) -> None:
    checkpoint, progress = many[1], Telling()
    list(look_at_blocks(checkpoint, parts_of(checkpoint, 300), itself, jobs, progress))
    size = sum(tensor.spec.nbytes for tensor in checkpoint.tensors.values())
    assert (progress.total, progress.read) == (size, size)
    nothing = Telling()
    assert list(look_at_blocks(checkpoint, {}, itself, jobs, nothing)) == []
    assert (nothing.total, nothing.read) == (0, 0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_was_cut_is_told(place: Path, jobs: int) -> None:
    path = place / f"cut{jobs}.safetensors"
    checkpoint = written(path, {"v": torch.randn(64, 64), "w": torch.randn(64, 64)})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TruncatedError):
        list(look_at_blocks(checkpoint, parts_of(checkpoint, 1 << 18), itself, jobs))
