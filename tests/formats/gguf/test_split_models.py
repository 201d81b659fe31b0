"""A model in several GGUF files is one, through whichever of them it is opened."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFWriter
from numpy.typing import NDArray

from gguf_bytes import gguf as made
from gguf_bytes import pair, tensor
from initcli.formats.detect import open_checkpoint
from shell import Run
from stored_bytes import bytes_of


def test_a_part_whose_siblings_have_no_known_names_is_told(run: Run, tmp_path: Path) -> None:
    told = pair(b"split.count", 2, struct.pack("<H", 3))
    (tmp_path / "a.gguf").write_bytes(made([tensor()], [told]))
    done = run("stats", "a.gguf", "--strict")
    assert done.returncode == 1
    assert "the other parts of a model of 3, whose names are not known" in done.stdout


def split(directory: Path) -> dict[str, NDArray[Any]]:
    """Writes a model in three parts, and returns its tensors."""
    tensors = {f"w{n}": np.full((2, 3), n, "f4") for n in range(5)}
    writer = GGUFWriter(directory / "m.gguf", "llama", split_max_tensors=2)
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return tensors


@pytest.mark.parametrize("name", [".", "m-00001-of-00003.gguf", "m-00003-of-00003.gguf"])
def test_a_split_model_is_opened_through_any_part(name: str, tmp_path: Path) -> None:
    tensors = split(tmp_path)
    opened = open_checkpoint(tmp_path / name)
    assert {each: bytes_of(opened.tensors[each]) for each in opened.tensors} == {
        each: values.tobytes() for each, values in tensors.items()
    }
    assert [shard.path.name for shard in opened.shards] == sorted(
        each.name for each in tmp_path.iterdir()
    )
    assert not opened.notes
    assert not opened.unread


def test_a_part_that_is_missing_or_another_is_a_defect(run: Run, tmp_path: Path) -> None:
    split(tmp_path)
    first, second, _ = sorted(tmp_path.iterdir())
    second.unlink()
    done = run("stats", first.name)
    assert done.returncode == 2
    assert "a part of the model: no such file or directory; not read" in done.stdout
    assert "w4 " in done.stdout
    second.write_bytes(first.read_bytes())
    done = run("stats", first.name)
    assert done.returncode == 2
    assert "part 2 of 3 is another part by its metadata" in done.stdout


def test_two_split_models_in_one_directory_are_refused(run: Run, tmp_path: Path) -> None:
    split(tmp_path)
    (tmp_path / "n.gguf").write_bytes(made([tensor()]))
    done = run("stats", ".")
    assert done.returncode == 2
    assert "4 files of GGUF" in done.stderr
