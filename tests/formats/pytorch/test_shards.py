"""Shards of PyTorch files are held against their index as those of safetensors are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from initcli.core.errors import IndexMismatchError, MalformedError
from initcli.formats.detect import open_checkpoint
from stored_bytes import contents_of
from torch_files import LAYOUTS, saved

INDEX = "pytorch_model.bin.index.json"
SHARED = torch.ones(2, 3)
ONE = {"a.weight": SHARED, "b.weight": SHARED, "c": torch.ones(4)}
OTHER = {"d": torch.ones(5)}
AGREED = {**dict.fromkeys(ONE, "1.bin"), "d": "2.bin"}


def write(directory: Path, weight_map: dict[str, str], layout: str = "archive") -> Path:
    saved(directory / "1.bin", ONE, layout)
    saved(directory / "2.bin", OTHER, layout)
    (directory / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    return directory


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shards_that_agree_are_one_checkpoint(layout: str, tmp_path: Path) -> None:
    opened = open_checkpoint(write(tmp_path, AGREED, layout))
    assert list(opened.tensors) == ["a.weight", "c", "d"]
    assert opened.ties == {"b.weight": "a.weight"}
    assert opened.files == tuple(tmp_path / name for name in (INDEX, "1.bin", "2.bin"))
    assert contents_of(open_checkpoint(tmp_path / INDEX)) == contents_of(opened)


def test_shards_may_be_of_several_formats(tmp_path: Path) -> None:
    write(tmp_path, AGREED)
    save_file(OTHER, tmp_path / "2.bin")
    assert list(open_checkpoint(tmp_path).tensors) == ["a.weight", "c", "d"]


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        (AGREED | {"e": "3.bin"}, "a shard that is absent: 3.bin"),
        (AGREED | {"e": "1.bin"}, "tensor e is not in 1.bin"),
        (AGREED | {"b.weight": "2.bin"}, "tensor b.weight is not in 2.bin"),
        ({k: v for k, v in AGREED.items() if k != "b.weight"}, "b.weight is in 1.bin and not in"),
    ],
)
def test_a_disagreement_is_told(weight_map: dict[str, str], message: str, tmp_path: Path) -> None:
    write(tmp_path, weight_map)
    with pytest.raises(IndexMismatchError, match=message):
        open_checkpoint(tmp_path)
    assert open_checkpoint(tmp_path, lenient=True).defects


def test_a_broken_shard_leaves_the_others_to_a_lenient_reader(tmp_path: Path) -> None:
    path = write(tmp_path, AGREED) / "1.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MalformedError):
        open_checkpoint(tmp_path)
    opened = open_checkpoint(tmp_path, lenient=True)
    assert list(opened.tensors) == ["d"]
    assert len(opened.defects) == 1


@pytest.mark.parametrize(
    "name", ["../1.bin", "/etc/passwd", "C:1.bin", "https://example.org/1.bin"]
)
def test_a_name_that_leaves_the_directory_is_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path, AGREED | {"e": name})
    with pytest.raises(MalformedError, match="is not a plain file name"):
        open_checkpoint(tmp_path)


def test_state_of_an_optimizer_in_a_shard_is_set_apart(tmp_path: Path) -> None:
    write(tmp_path, AGREED)
    adam = {"state": {0: {"m": torch.ones(2)}}, "param_groups": []}
    saved(tmp_path / "2.bin", {"model": OTHER, "optimizer": adam})
    opened = open_checkpoint(tmp_path)
    assert list(opened.optimizer) == ["optimizer.state.0.m"]
    assert "names are those below model" in opened.notes
    whole = open_checkpoint(tmp_path, include_optimizer=True)
    assert list(whole.tensors) == ["a.weight", "c", "d", "optimizer.state.0.m"]
