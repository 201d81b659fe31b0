"""A lenient reader opens what is sound, and is told of everything that is not."""

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
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.defect import Flaw

INDEX = "model.safetensors.index.json"
AGREED = {"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors", "d": "2.safetensors"}


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Tensors a and b in one shard, c and d in another, and no index yet."""
    save_file({"a": torch.ones(2), "b": torch.ones(3)}, tmp_path / "1.safetensors")
    save_file({"c": torch.ones(4), "d": torch.ones(5)}, tmp_path / "2.safetensors")
    return tmp_path


def opened(directory: Path, weight_map: dict[str, object]) -> Checkpoint:
    """Opens leniently, and holds a strict reader to the error of the first defect."""
    (directory / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    checkpoint = open_checkpoint(directory, lenient=True)
    if checkpoint.defects:
        first = checkpoint.defects[0].error
        with pytest.raises(type(first)) as caught:
            open_checkpoint(directory)
        assert caught.value.message == first.message
    return checkpoint


def told(checkpoint: Checkpoint) -> list[tuple[Flaw, str, str]]:
    return [(each.flaw, each.tensor, each.what) for each in checkpoint.defects]


def test_a_sound_checkpoint_has_no_defect_and_is_the_same(sharded: Path) -> None:
    lenient = opened(sharded, AGREED)
    assert lenient == open_checkpoint(sharded)
    assert lenient.defects == ()


@pytest.mark.parametrize(
    ("weight_map", "sound", "expected"),
    [
        (
            AGREED | {"e": "3.safetensors", "f": "3.safetensors"},
            "abcd",
            ("", "the index lists a shard that is absent: 3.safetensors; 2 tensors not read: e, f"),
        ),
        (AGREED | {"e": "2.safetensors"}, "abcd", ("e", "is not in 2.safetensors, where the ind")),
        (
            AGREED | {"a": "2.safetensors"},
            "bcd",
            ("a", "is not in 2.safetensors, where the index puts it, but in 1.safetensors; not re"),
        ),
        (
            {name: AGREED[name] for name in "abc"},
            "abc",
            ("d", "is in 2.safetensors and not in the index; not read"),
        ),
    ],
)
def test_what_index_and_shards_disagree_on_is_told_and_the_rest_is_open(
    weight_map: dict[str, object], sound: str, expected: tuple[str, str], sharded: Path
) -> None:
    checkpoint = opened(sharded, weight_map)
    assert "".join(sorted(checkpoint.tensors)) == sound
    ((flaw, tensor, what),) = told(checkpoint)
    assert (flaw, tensor) == (Flaw.DISAGREEMENT, expected[0])
    assert what.startswith(expected[1])
    assert isinstance(checkpoint.defects[0].error, IndexMismatchError)


def test_of_a_name_in_two_shards_the_one_that_the_index_names_is_read(sharded: Path) -> None:
    save_file(
        {"a": torch.zeros(7), "c": torch.ones(4), "d": torch.ones(5)}, sharded / "2.safetensors"
    )
    checkpoint = opened(sharded, AGREED)
    assert checkpoint.specs["a"].shape == (2,)
    what = "is in two shards, 1.safetensors and 2.safetensors; that of 1.safetensors is read, where"
    assert told(checkpoint) == [(Flaw.DOUBLED, "a", f"{what} the index puts it")]


def test_of_a_name_in_shards_that_the_index_does_not_name_none_is_read(sharded: Path) -> None:
    for shard in ("1", "2", "3"):
        save_file({shard: torch.ones(1), "x": torch.ones(2)}, sharded / f"{shard}.safetensors")
    weight_map = {shard: f"{shard}.safetensors" for shard in ("1", "2", "3")}
    checkpoint = opened(sharded, weight_map)
    assert list(checkpoint.tensors) == ["1", "2", "3"]
    what = "is in 3 shards, 1.safetensors and 2.safetensors and 1 more; none is read"
    assert told(checkpoint) == [(Flaw.DOUBLED, "x", what)]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (slice(0, -1), TruncatedError, "the header promises 36 bytes of data, the file holds 35"),
        (slice(0, 20), TruncatedError, "a header of"),
        (slice(0, 4), UnknownFormatError, "too short to be a checkpoint"),
        (slice(0, 0), UnknownFormatError, "too short to be a checkpoint"),
    ],
)
def test_a_truncated_shard_is_told_and_the_others_are_open(
    content: slice, error: type[InitcliError], message: str, sharded: Path
) -> None:
    shard = sharded / "2.safetensors"
    shard.write_bytes(shard.read_bytes()[content])
    checkpoint = opened(sharded, AGREED)
    assert list(checkpoint.tensors) == ["a", "b"]
    assert checkpoint.files == (sharded / INDEX, sharded / "1.safetensors")
    assert checkpoint.notes == ()  # it is in the index, though it is not read
    ((flaw, tensor, what),) = told(checkpoint)
    assert (flaw, tensor) == (Flaw.UNREADABLE, "")
    assert what.startswith(f"2.safetensors: {message}")
    assert what.endswith("; 2 tensors not read: c, d")
    assert isinstance(checkpoint.defects[0].error, error)


def test_a_shard_that_is_a_directory_or_device_is_never_waited_on(sharded: Path) -> None:
    (sharded / "directory").mkdir()
    (sharded / "device").symlink_to("/dev/zero")
    checkpoint = opened(sharded, AGREED | {"x": "directory", "y": "device"})
    assert [(each.flaw, type(each.error)) for each in checkpoint.defects] == [
        (Flaw.UNREADABLE, MissingError)
    ] * 2


def test_a_tensor_found_elsewhere_than_in_its_unreadable_shard_is_told(sharded: Path) -> None:
    checkpoint = opened(sharded, AGREED | {"b": "3.safetensors"})
    assert list(checkpoint.tensors) == ["a", "c", "d"]
    assert told(checkpoint)[1] == (
        Flaw.DISAGREEMENT,
        "b",
        "is in 1.safetensors, which is not where the index puts it; not read",
    )


def test_all_that_is_wrong_is_told_at_once(sharded: Path) -> None:
    save_file({"a": torch.ones(2), "c": torch.ones(4)}, sharded / "2.safetensors")
    weight_map = AGREED | {"e": "1.safetensors", "f": "3.safetensors"}
    checkpoint = opened(sharded, weight_map)
    assert [(flaw, tensor) for flaw, tensor, _ in told(checkpoint)] == [
        (Flaw.DISAGREEMENT, ""),
        (Flaw.DISAGREEMENT, "d"),
        (Flaw.DISAGREEMENT, "e"),
        (Flaw.DOUBLED, "a"),
    ]
    assert list(checkpoint.tensors) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["../1.safetensors", "/etc/passwd", "..\\1", "C:1", ""])
def test_a_hostile_index_is_refused_whole_by_a_lenient_reader_too(name: str, sharded: Path) -> None:
    with pytest.raises(MalformedError, match="is not a plain file name"):
        opened(sharded, AGREED | {"d": name})


def test_where_no_shard_can_be_read_a_lenient_reader_is_refused_too(sharded: Path) -> None:
    with pytest.raises(IndexMismatchError, match=r"absent: 7\.safetensors"):
        opened(sharded, {"a": "7.safetensors", "b": "8.safetensors"})


def test_a_single_file_that_is_cut_is_refused(sharded: Path) -> None:
    path = sharded / "1.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TruncatedError):
        open_checkpoint(path, lenient=True)


def test_hostile_names_are_shown_escaped_and_short(sharded: Path) -> None:
    name = "\x1b[31m" + "n" * 1000
    save_file(
        {"a": torch.ones(2), "b": torch.ones(3), name: torch.ones(1)}, sharded / "1.safetensors"
    )
    ((_, tensor, what),) = told(opened(sharded, AGREED))
    assert (tensor, what) == (name, "is in 1.safetensors and not in the index; not read")
    lost = dict.fromkeys((f"{name}{place}" for place in range(50)), "\x1b.safetensors")
    absent = opened(sharded, AGREED | lost).defects[0]
    assert absent.what.isprintable()
    assert absent.error.message.isprintable()
    assert len(absent.what) < 500


def test_a_lenient_reader_gives_up_on_what_is_hopeless(
    sharded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("initcli.formats.storage.defect.MOST", 3)
    weight_map = AGREED | {f"t{place}": "1.safetensors" for place in range(3)}
    assert len(opened(sharded, weight_map).defects) == 3
    with pytest.raises(IndexMismatchError, match=r"tensor t0 is not in 1\.safetensors"):
        opened(sharded, weight_map | {"t3": "1.safetensors"})
