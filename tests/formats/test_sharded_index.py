"""An index is held against every shard, both ways, and its names never leave its directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from initcli.core.errors import (
    IndexMismatchError,
    InitcliError,
    MalformedError,
    MissingError,
    TruncatedError,
    UnknownFormatError,
)
from initcli.formats.detect import open_checkpoint

TINY_GPT = Path(__file__).parents[2] / "sample_models" / "tiny_gpt"
INDEX = "model.safetensors.index.json"


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """A directory with tensors a and b in one shard and c in another, and no index yet."""
    save_file({"a": torch.ones(2), "b": torch.ones(3)}, tmp_path / "1.safetensors")
    save_file({"c": torch.ones(4)}, tmp_path / "2.safetensors", metadata={"k": "v"})
    return tmp_path


def write_index(directory: Path, weight_map: object, **more: object) -> None:
    (directory / INDEX).write_text(json.dumps({"weight_map": weight_map, **more}))


AGREED = {"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"}


def test_an_index_that_agrees_opens_every_tensor_where_it_lies(sharded: Path) -> None:
    write_index(sharded, AGREED, metadata={"total_size": 36})
    opened = open_checkpoint(sharded)
    assert {name: tensor.shard.path.name for name, tensor in opened.tensors.items()} == AGREED
    assert opened.files == tuple(
        sharded / name for name in (INDEX, "1.safetensors", "2.safetensors")
    )
    assert opened.index_metadata == {"total_size": 36}
    assert opened.metadata == {"k": "v"}


def test_the_sample_opens_by_directory_and_by_index_alike() -> None:
    by_directory, by_index = open_checkpoint(TINY_GPT), open_checkpoint(TINY_GPT / INDEX)
    assert by_directory.tensors == by_index.tensors
    assert len(by_index.shards) == 3
    assert by_index.specs["tok.weight"].shape == (256, 64)


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        (AGREED | {"d": "3.safetensors"}, "absent: 3.safetensors"),
        (AGREED | {"d": "1.safetensors"}, "tensor d is not in 1.safetensors"),
        (AGREED | {"a": "2.safetensors"}, "tensor a is not in 2.safetensors, where"),
        (
            {"a": "1.safetensors", "c": "2.safetensors"},
            "tensor b is in 1.safetensors and not in the index",
        ),
        (AGREED | {"c": "1.safetensors"}, "tensor c is not in 1.safetensors"),
    ],
)
def test_a_disagreement_names_tensor_and_shard(
    weight_map: dict[str, str], message: str, sharded: Path
) -> None:
    write_index(sharded, weight_map)
    with pytest.raises(IndexMismatchError, match=message):
        open_checkpoint(sharded)


def test_a_name_in_two_shards_is_named(sharded: Path) -> None:
    save_file({"c": torch.ones(4), "a": torch.ones(2)}, sharded / "2.safetensors")
    write_index(sharded, AGREED)
    with pytest.raises(IndexMismatchError, match="tensor a is in two shards"):
        open_checkpoint(sharded)


def test_a_dangling_shard_is_absent(sharded: Path) -> None:
    (sharded / "3.safetensors").symlink_to("nowhere")
    write_index(sharded, AGREED | {"d": "3.safetensors"})
    with pytest.raises(IndexMismatchError, match="absent"):
        open_checkpoint(sharded)


@pytest.mark.parametrize(
    "name",
    [
        "../1.safetensors",
        "..",
        ".",
        "",
        "./1.safetensors",
        "sub/1.safetensors",
        "/etc/passwd",
        "\\\\server\\share",
        "..\\1.safetensors",
        "C:1.safetensors",
        "file:///etc/passwd",
        "https://example.org/1.safetensors",
        "1.safetensors\0",
    ],
)
def test_a_shard_name_that_could_leave_the_directory_is_refused(
    name: object, sharded: Path
) -> None:
    write_index(sharded, AGREED | {"d": name})
    with pytest.raises(MalformedError, match="is not a plain file name") as caught:
        open_checkpoint(sharded)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "no weight_map"),
        ('{"weight_map": null}', "weight_map must map strings to strings"),
        ('{"weight_map": ["1.safetensors"]}', "weight_map must map strings to strings"),
        ('{"weight_map": {"a": 1}}', "weight_map must map strings to strings"),
        ('{"weight_map": {"a": null}}', "weight_map must map strings to strings"),
        ('{"weight_map": {"a": ["1.safetensors"]}}', "weight_map must map strings to strings"),
        ('{"weight_map": {}, "weight_map": {}}', "duplicate name weight_map"),
        ('{"weight_map": {"a": "1", "a": "2"}}', "duplicate name a"),
        ('{"x": 1, "weight_map": {}, "x": 2}', "duplicate name x"),
        ('{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}', "duplicate name a"),
        ('{"weight_map": {"a": "\\ud800"}}', "surrogates"),
        ('{"metadata": NaN}', "NaN"),
        ('{"weight_map": {', "not JSON"),
    ],
)
def test_an_index_that_is_no_index_is_malformed(text: str, message: str, sharded: Path) -> None:
    (sharded / INDEX).write_text(text)
    with pytest.raises(MalformedError, match=message):
        open_checkpoint(sharded)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a" * 300, MissingError),
        (INDEX, UnknownFormatError),
        ("directory", MissingError),
        ("device", MissingError),
        ("cut", TruncatedError),
    ],
)
def test_a_shard_that_is_no_sound_file_is_told_as_what_it_is(
    name: str, error: type[InitcliError], sharded: Path
) -> None:
    (sharded / "directory").mkdir()
    (sharded / "device").symlink_to("/dev/zero")
    (sharded / "cut").write_bytes((sharded / "1.safetensors").read_bytes()[:-1])
    write_index(sharded, {"a": name})
    with pytest.raises(error):
        open_checkpoint(sharded)


@pytest.mark.parametrize("metadata", [None, [], "text", 3])
def test_metadata_of_another_type_counts_as_none(metadata: object, sharded: Path) -> None:
    write_index(sharded, AGREED, metadata=metadata)
    assert open_checkpoint(sharded).index_metadata == {}


def test_an_empty_weight_map_is_an_empty_checkpoint(tmp_path: Path) -> None:
    write_index(tmp_path, {})
    assert not open_checkpoint(tmp_path).tensors


def test_a_huge_index_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / INDEX).open("wb") as file:
        file.write(b"{" + b" " * 80)
        file.truncate(200_000_000)
    with pytest.raises(MalformedError, match="an index of 200,000,000 bytes"):
        open_checkpoint(tmp_path)
