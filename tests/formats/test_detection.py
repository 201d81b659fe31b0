"""Content decides what a path is; what it is not is said at once."""

from __future__ import annotations

import json
import os
import pickle
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from in_formats import FORMATS
from initcli.core.errors import (
    InitcliError,
    MalformedError,
    MissingError,
    TruncatedError,
    UnknownFormatError,
)
from initcli.formats.detect import open_checkpoint
from initcli.formats.kinds import KINDS
from initcli.formats.peek import peek_at

RawFile = Callable[..., Path]
ENTRY = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
SAMPLES = Path(__file__).parents[2] / "sample_models"


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"")


FOREIGN: dict[str, tuple[Callable[[Path], object], str]] = {
    "plain zip": (write_zip, "zip archive"),
    "lfs": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
        "git lfs pull",
    ),
    "empty": (lambda path: path.touch(), "too short"),
    "seven bytes": (lambda path: path.write_bytes(bytes(7)), "too short"),
    "text": (lambda path: path.write_text("Once upon a time."), "no known format"),
    "pickle": (
        lambda path: path.write_bytes(pickle.dumps("w" * 100, 2)),
        "pickle",
    ),
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_no_checkpoint_is_called_by_its_name(kind: str, tmp_path: Path) -> None:
    write, words = FOREIGN[kind]
    path = tmp_path / "model.safetensors"
    write(path)
    with pytest.raises(UnknownFormatError, match=words):
        open_checkpoint(path)


TORCH_SAVES: list[dict[str, bool]] = [{}, {"_use_new_zipfile_serialization": False}]


@pytest.mark.parametrize("options", TORCH_SAVES)
@pytest.mark.parametrize("name", ["w.pt", "w.safetensors", "w"])
def test_a_file_of_pytorch_is_known_whatever_it_is_called(
    options: dict[str, bool], name: str, tmp_path: Path
) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / name, **options)
    assert list(open_checkpoint(tmp_path / name).tensors) == ["w"]


# In protocol 0 PyTorch writes what it cannot load: a storage is the text of a tuple.
@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("options", TORCH_SAVES)
def test_a_file_of_pytorch_is_known_in_every_protocol(
    options: dict[str, bool], protocol: int, tmp_path: Path
) -> None:
    torch.save({"w": torch.ones(2)}, tmp_path / "w", pickle_protocol=protocol, **options)
    assert list(open_checkpoint(tmp_path / "w").tensors) == ["w"]


@pytest.mark.parametrize(
    "length",
    [
        int.from_bytes(b"{\0", "little"),
        int.from_bytes(b"{ ", "little"),
        int.from_bytes(b"{}", "little"),
        int.from_bytes(b'{"', "little"),
        int.from_bytes(b"\x80\x02", "little"),
        int.from_bytes(b" {", "little"),
        int.from_bytes(b"\n\n", "little"),
        int.from_bytes(b"\t ", "little"),
        int.from_bytes(b"PK\x03", "little"),
    ],
)
def test_a_header_length_that_looks_like_another_format_is_still_a_length(
    length: int, raw_file: RawFile
) -> None:
    opened = open_checkpoint(raw_file(ENTRY.ljust(length), bytes(4)))
    assert list(opened.tensors) == ["w"]


def test_a_name_says_nothing(raw_file: RawFile) -> None:
    path = raw_file(ENTRY, bytes(4))
    assert list(open_checkpoint(path.rename(path.with_name("w.pt"))).tensors) == ["w"]


@pytest.mark.parametrize("text", ["{}", "  {}", '{"weight_map": {}, ', "\n\n{}"])
def test_text_that_begins_as_json_is_judged_as_an_index(text: str, tmp_path: Path) -> None:
    path = tmp_path / "anything"
    path.write_text(text)
    with pytest.raises(MalformedError):
        open_checkpoint(path)


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero", "/dev/stdin", "/dev/tty"])
def test_a_device_is_refused_and_never_waited_on(device: str) -> None:
    with pytest.raises((MissingError, UnknownFormatError)):
        open_checkpoint(device)


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


@pytest.mark.parametrize("make", [make_fifo, make_socket])
@pytest.mark.parametrize("inside", [False, True])
def test_a_special_file_is_refused_at_once(
    make: Callable[[Path], None], inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "model.safetensors")
    with pytest.raises(MissingError):
        open_checkpoint(tmp_path if inside else tmp_path / "model.safetensors")


@pytest.mark.parametrize("name", ["absent", "a\0b", "a" * 300, "\ud800", "absent/below", ""])
def test_a_path_that_cannot_be_read_is_missing(name: str, tmp_path: Path) -> None:
    with pytest.raises((MissingError, UnknownFormatError)) as caught:
        open_checkpoint(f"{tmp_path}/{name}")
    assert caught.value.where.isprintable()


def test_a_symlink_loop_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(MissingError):
        open_checkpoint(tmp_path / "a")


def test_a_dangling_symlink_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(MissingError):
        open_checkpoint(tmp_path / "a")


def test_symlinks_are_followed_as_the_hub_cache_lays_them(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    for number, source in enumerate(sorted((SAMPLES / "tiny_gpt").glob("model*"))):
        (blobs / f"{number:064x}").write_bytes(source.read_bytes())
        (snapshot / source.name).symlink_to(f"../blobs/{number:064x}")
    assert open_checkpoint(snapshot).specs == open_checkpoint(SAMPLES / "tiny_gpt").specs


def fill(directory: Path, *names: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        save_file({"w": torch.ones(1)}, directory / name)


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        ((), "no checkpoint in it", "initcli reads"),
        (("a.safetensors", "b.safetensors"), "2 files", "such as a.safetensors"),
        (("a.txt",), "no checkpoint in it", "initcli reads"),
        (("a.bin", "b.pt"), "2 files", "such as a.bin"),
        (
            ("optimizer.pt", "training_args.bin", "rng_state_0.pth"),
            "no checkpoint",
            "initcli reads",
        ),
        (("w-1-of-2.bin", "w-2-of-2.bin"), "2 files", r"index, *.bin.index.json, is missing"),
    ],
)
def test_a_directory_without_one_choice_is_refused_with_a_hint(
    names: tuple[str, ...], message: str, hint: str, tmp_path: Path
) -> None:
    fill(tmp_path, *names)
    with pytest.raises(UnknownFormatError, match=message) as caught:
        open_checkpoint(tmp_path)
    assert hint in caught.value.hint


def test_a_directory_with_two_indexes_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors.index.json").write_text("{}")
    with pytest.raises(UnknownFormatError, match="2 indexes"):
        open_checkpoint(tmp_path)


def test_one_index_goes_before_those_of_variants(tmp_path: Path) -> None:
    fill(tmp_path, "m-1-of-1.safetensors", "m.fp16-1-of-1.safetensors")
    for variant, shard in (("", "m-1-of-1"), (".fp16", "m.fp16-1-of-1")):
        index = {"weight_map": {"w": f"{shard}.safetensors"}}
        name = f"m.safetensors.index{variant}.json"
        (tmp_path / name).write_text(json.dumps(index))
    opened = open_checkpoint(tmp_path)
    assert opened.index == tmp_path / "m.safetensors.index.json"
    (tmp_path / "m.safetensors.index.json").unlink()
    assert open_checkpoint(tmp_path).index == tmp_path / "m.safetensors.index.fp16.json"


def test_the_usual_precision_goes_before_variants_and_a_note_says_so(tmp_path: Path) -> None:
    fill(tmp_path, "m.safetensors", "m.fp16.safetensors")
    opened = open_checkpoint(tmp_path)
    assert opened.files == (tmp_path / "m.safetensors",)
    assert "m.fp16.safetensors" in opened.notes[0]


@pytest.mark.parametrize("kind", ["npz", "h5", "keras", "onnx", "gguf"])
def test_a_directory_may_hold_a_file_of_any_format(kind: str, tmp_path: Path) -> None:
    arrays = {"w": np.ones((2, 3), np.float32)}
    FORMATS[kind].write(tmp_path / f"model.{kind}", arrays)
    assert list(open_checkpoint(tmp_path).tensors) == ["w"]
    fill(tmp_path, "model.safetensors")
    assert f"not read: model.{kind}, beside safetensors" in open_checkpoint(tmp_path).notes


def test_a_file_of_no_known_format_is_called_that_unless_its_name_says_what_it_is(
    tmp_path: Path,
) -> None:
    (tmp_path / "w").write_bytes(bytes(100))
    with pytest.raises(UnknownFormatError, match="no known format"):
        open_checkpoint(tmp_path / "w")
    (tmp_path / "w").rename(tmp_path / "w.safetensors")
    with pytest.raises(MalformedError, match="not a JSON object"):
        open_checkpoint(tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["__0_0.distcp", ".metadata"])
def test_a_file_of_a_distributed_checkpoint_is_called_that(name: str, tmp_path: Path) -> None:
    FORMATS["dcp"].write(tmp_path / "dcp", {"w": np.ones((2, 3), np.float32)})
    with pytest.raises(UnknownFormatError, match="a file of a distributed checkpoint") as caught:
        open_checkpoint(tmp_path / "dcp" / name)
    assert caught.value.hint == f"name {tmp_path / 'dcp'}"


@pytest.mark.parametrize("below", ["snapshots/abc", "unet"])
def test_a_directory_above_checkpoints_says_where_they_are(below: str, tmp_path: Path) -> None:
    (tmp_path / below).mkdir(parents=True)
    fill(tmp_path / below, "model.safetensors")
    with pytest.raises(UnknownFormatError, match="no checkpoint in it") as caught:
        open_checkpoint(tmp_path)
    assert caught.value.hint == f"name one of the directories below: {below}"


@pytest.mark.parametrize("kind", ["npz", "pt", "pkl", "keras", "onnx", "h5"])
def test_a_file_that_is_replaced_between_two_looks_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "w"
    FORMATS[kind].write(path, {"w": np.ones((2, 3), np.float32)})
    peek = peek_at(path)
    (tmp_path / "v").write_bytes(path.read_bytes())
    (tmp_path / "v").replace(path)
    reader = next(each.read for each in KINDS if each.is_of(peek_at(path)))
    assert reader is not None
    with pytest.raises(TruncatedError, match="changed while it was being read"):
        reader(peek)


def test_a_directory_with_one_file_is_that_file(tmp_path: Path) -> None:
    fill(tmp_path, "a.safetensors")
    opened = open_checkpoint(tmp_path)
    assert (opened.path, opened.files) == (tmp_path, (tmp_path / "a.safetensors",))


def test_an_index_goes_before_files_and_says_which_it_does_not_list(tmp_path: Path) -> None:
    fill(tmp_path, "listed.safetensors", "other.safetensors")
    index = {"weight_map": {"w": "listed.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    opened = open_checkpoint(tmp_path)
    assert [shard.path.name for shard in opened.shards] == ["listed.safetensors"]
    assert opened.notes == ("not read: other.safetensors is not in the index",)


def test_safetensors_go_before_files_of_pytorch_and_a_note_says_so(tmp_path: Path) -> None:
    fill(tmp_path, "model.safetensors", "pytorch_model.bin")
    opened = open_checkpoint(tmp_path)
    assert [shard.path.name for shard in opened.shards] == ["model.safetensors"]
    assert opened.notes == ("not read: pytorch_model.bin, beside safetensors",)


def test_what_trainers_keep_beside_weights_is_passed_by(tmp_path: Path) -> None:
    fill(tmp_path, "training_args.bin", "optimizer.pt", "pytorch_model.bin")
    opened = open_checkpoint(tmp_path)
    assert [shard.path.name for shard in opened.shards] == ["pytorch_model.bin"]
    assert opened.notes == ("not read: optimizer.pt, training_args.bin, beside PyTorch files",)


@pytest.mark.parametrize("error", [MalformedError, TruncatedError])
def test_a_broken_file_in_a_directory_is_told_by_its_own_path(
    error: type[InitcliError], raw_file: RawFile, tmp_path: Path
) -> None:
    raw_file(ENTRY, bytes(5 if error is MalformedError else 3))
    with pytest.raises(error) as caught:
        open_checkpoint(tmp_path)
    assert "raw.safetensors" in caught.value.where
