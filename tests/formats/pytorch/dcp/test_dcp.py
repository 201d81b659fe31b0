"""Distributed checkpoints are put together as torch.distributed would, and nothing is run."""

from __future__ import annotations

import copy
import pickle
import socket
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, Metadata, MetadataIndex

from initcli.core.errors import InitcliError, MalformedError, MissingError
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.reading import open_shard
from ranked import RANKS, save_rank, whole
from refused import failures_of
from shell import Run


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("distributed") / "dcp"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(save_rank, (str(path), port), RANKS)
    return path


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A checkpoint of one process: a matrix and a vector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state = {"w": torch.arange(20.0).reshape(5, 4), "b": torch.ones(3), "step": 7}
        dcp.save(state, checkpoint_id=tmp_path / "dcp", no_dist=True)
    return tmp_path / "dcp"


def read(opened: Checkpoint, name: str, length: int) -> bytes:
    tensor = opened.find(name)
    assert tensor is not None
    content = memoryview(bytearray(tensor.spec.nbytes))
    with open_shard(tensor.shard) as reader:
        for at in range(0, len(content), length):
            reader.read(tensor.offset + at, content[at : at + length])
    return bytes(content)


@pytest.mark.parametrize("length", [1 << 20, 64, 13])
def test_pieces_of_several_ranks_make_the_whole(length: int, distributed: Path) -> None:
    assert len(list(distributed.glob("*.distcp"))) == RANKS
    opened = open_checkpoint(distributed)
    expected = whole() | {"turned": whole()["f0"][:, :, 0].T.contiguous()}
    assert set(opened.tensors) == set(expected)
    for name, tensor in expected.items():
        assert opened.tensors[name].spec.shape == tuple(tensor.shape)
        assert read(opened, name, length) == bytes(tensor.view(torch.uint8).flatten().tolist())


def test_an_optimizers_state_is_shown_on_request(distributed: Path, run: Run) -> None:
    done = run("stats", distributed, "--columns", "name,shape")
    assert "exp_avg" not in done.stdout
    assert "left out: 1 tensor of an optimizer's state" in done.stderr
    assert "names are those below model" in done.stderr
    done = run("stats", distributed, "--columns", "name,shape", "--include-optimizer")
    assert "optim.state.f0.exp_avg" in done.stdout


def told(path: Path) -> Metadata:
    metadata = dcp.FileSystemReader(path).read_metadata()
    assert isinstance(metadata, Metadata)
    return metadata


def tell(path: Path, metadata: object) -> None:
    (path / ".metadata").write_bytes(pickle.dumps(metadata))


Change = Callable[[Metadata], None]


def of_w(**changes: Any) -> Change:  # noqa: ANN401 - whatever a field holds
    def change(metadata: Metadata) -> None:
        entry = metadata.state_dict_metadata["w"]
        metadata.state_dict_metadata["w"] = replace(entry, **changes)  # type: ignore[type-var]

    return change


def of_piece(**changes: Any) -> Change:  # noqa: ANN401 - likewise
    def change(metadata: Metadata) -> None:
        index = next(each for each in metadata.storage_data if each.fqn == "w")
        metadata.storage_data[index] = replace(metadata.storage_data[index], **changes)

    return change


def pieces(*boxes: tuple[tuple[int, ...], tuple[int, ...]]) -> Change:
    """Returns what puts a tensor together of copies of one piece."""

    def change(metadata: Metadata) -> None:
        index = next(each for each in metadata.storage_data if each.fqn == "w")
        place = metadata.storage_data[index]
        chunks = [ChunkStorageMetadata(torch.Size(a), torch.Size(b)) for a, b in boxes]
        for origin, _ in boxes:
            metadata.storage_data[MetadataIndex("w", torch.Size(origin))] = place
        of_w(chunks=chunks)(metadata)

    return change


BROKEN: dict[str, Change] = {
    "no pieces": of_w(chunks=[]),
    "a shape beyond the pieces": of_w(size=torch.Size([6, 4])),
    "a shape within the pieces": of_w(size=torch.Size([5, 3])),
    "another number of dimensions": of_w(size=torch.Size([20])),
    "a huge shape": of_w(size=torch.Size([2**62, 2**62])),
    "a piece beside the tensor": pieces(((1, 0), (5, 4))),
    "pieces that overlap": pieces(((0, 0), (5, 3)), ((0, 3), (3, 1)), ((4, 2), (1, 2))),
    "a piece twice": pieces(((0, 0), (5, 4)), ((0, 0), (5, 4))),
    "a hole": pieces(((0, 0), (2, 4)), ((3, 0), (2, 4))),
    "a piece of another shape than is stored": pieces(((0, 0), (2, 4)), ((2, 0), (3, 4))),
    "a file that is absent": of_piece(relative_path="__9_0.distcp"),
    "a piece beyond the file's end": of_piece(offset=10**9),
    "a piece beside its place": of_piece(offset=1),
    "a piece too short": of_piece(length=100),
    "a piece of nothing": of_piece(length=0),
    "a piece of 2⁶² bytes": of_piece(length=2**62),
}
REFUSED: dict[str, Change] = {
    **{
        f"a file called {name!r}": of_piece(relative_path=name)
        for name in ("../dcp/__0_0.distcp", "/etc/passwd", "a\\b", "C:x", "", "..")
    },
    "a piece that is stored nowhere": lambda told: told.storage_data.clear(),
    "a negative offset": of_piece(offset=-1),
    "a length that is a text": of_piece(length="1"),
    "a length beyond 64 bits": of_piece(length=2**70),
    "compressed pieces": of_piece(transform_descriptors=["zstd"]),
    "a name that is no text": lambda told: told.state_dict_metadata.update({1: None}),  # type: ignore[dict-item]
    "chunks that are no list": of_w(chunks=None),
    "a size that is none": of_w(size="ab"),
    "properties that are none": of_w(properties=None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_tensor_is_told_and_the_sound_one_read(case: str, alone: Path) -> None:
    metadata = told(alone)
    BROKEN[case](metadata)
    tell(alone, metadata)
    opened = open_checkpoint(alone, lenient=True)
    assert list(opened.tensors) == ["b"]
    assert [each.tensor for each in opened.defects] == ["w"]
    assert failures_of(alone)
    with pytest.raises(InitcliError):
        open_checkpoint(alone)


@pytest.mark.parametrize("case", REFUSED)
def test_metadata_that_make_no_sense_are_refused(case: str, alone: Path) -> None:
    metadata = told(alone)
    REFUSED[case](metadata)
    tell(alone, metadata)
    (failure,) = failures_of(alone)
    assert failure.code == "E203"


@pytest.mark.parametrize("other", [None, 7, [], {}, {"state_dict_metadata": {}}, torch.ones(2)])
def test_a_pickle_of_something_else_is_refused(other: object, alone: Path) -> None:
    tell(alone, other)
    assert failures_of(alone)


def test_every_truncation_is_refused(alone: Path) -> None:
    for name in (".metadata", "__0_0.distcp"):
        raw = (alone / name).read_bytes()
        for length in {*range(0, len(raw), 37), len(raw) - 1}:
            (alone / name).write_bytes(raw[:length])
            assert failures_of(alone, hashes=False), (name, length)
        (alone / name).write_bytes(raw)
    assert not failures_of(alone)


def test_a_piece_is_held_against_what_each_tensor_says_it_is(alone: Path) -> None:
    """Where two tensors point at one piece, what is right for one is not for the other."""
    metadata = told(alone)
    index, piece = next(each for each in metadata.storage_data.items() if each[0].fqn == "w")
    entry = metadata.state_dict_metadata["w"]
    for name in ("again", "as integers"):
        metadata.storage_data[MetadataIndex(name, index.offset)] = piece
        metadata.state_dict_metadata[name] = copy.deepcopy(entry)
    metadata.state_dict_metadata["as integers"].properties.dtype = torch.int32
    tell(alone, metadata)
    opened = open_checkpoint(alone, lenient=True)
    assert set(opened.tensors) == {"w", "b", "again"}
    assert [each.tensor for each in opened.defects] == ["as integers"]


def test_many_pieces_side_by_side_are_held_against_each_other_in_time(alone: Path) -> None:
    metadata = told(alone)
    count = 12_000
    pieces(*(((0, at), (1, 1)) for at in range(count)))(metadata)
    of_w(size=torch.Size([1, count]))(metadata)
    tell(alone, metadata)
    began = time.process_time()
    opened = open_checkpoint(alone, lenient=True)
    assert time.process_time() - began < 10
    assert [each.what for each in opened.defects] == [
        "a piece is not of the dtype and shape that .metadata tells; not read"
    ]


def test_an_empty_tensor_without_files_is_no_internal_error(alone: Path) -> None:
    metadata = told(alone)
    metadata.storage_data.clear()
    metadata.state_dict_metadata = {"w": metadata.state_dict_metadata["w"]}
    of_w(chunks=[], size=torch.Size([0]))(metadata)
    tell(alone, metadata)
    (failure,) = failures_of(alone)
    assert failure.code == "E203"


def test_a_changed_value_is_noticed_by_its_checksum(alone: Path) -> None:
    path = alone / "__0_0.distcp"
    raw = path.read_bytes()
    value = torch.arange(20.0).numpy().tobytes()
    at = raw.index(value) + 40
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    opened = open_checkpoint(alone)
    with pytest.raises(MalformedError, match="checksum"):
        read(opened, "w", 1 << 20)


def test_what_is_stored_in_an_unknown_way_is_named(alone: Path) -> None:
    metadata = told(alone)
    metadata.state_dict_metadata["odd"] = Payload(alone / "touched")  # type: ignore[assignment]
    tell(alone, metadata)
    assert open_checkpoint(alone).unread == {"odd": "stored as pathlib.Path.touch"}


def test_a_dtype_that_is_not_known_hides_no_other_tensor(alone: Path) -> None:
    metadata = told(alone)
    metadata.state_dict_metadata["w"].properties.dtype = torch.qint8
    tell(alone, metadata)
    opened = open_checkpoint(alone)
    assert list(opened.tensors) == ["b"]
    assert opened.unread == {"w": "of the dtype torch.qint8, which is not known"}


def test_what_lies_beside_and_is_not_read_is_told(alone: Path) -> None:
    (alone / "__7_0.distcp").touch()
    (alone / "model.pt").touch()
    assert open_checkpoint(alone).notes == (
        "not read: __7_0.distcp, not in .metadata",
        "not read: model.pt, beside a distributed checkpoint",
    )


class Payload:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.target,)


def test_nothing_in_metadata_is_run(alone: Path, run: Run) -> None:
    metadata = told(alone)
    metadata.planner_data = Payload(alone / "touched")
    tell(alone, metadata)
    done = run("stats", alone)
    assert done.returncode == 0, done.stderr
    assert not (alone / "touched").exists()
    tell(alone, Payload(alone / "touched"))
    assert run("stats", alone).returncode == 2
    assert not (alone / "touched").exists()


def test_what_no_metadata_are_is_not_taken_for_them(alone: Path) -> None:
    (alone / ".metadata").unlink()
    with pytest.raises(InitcliError):
        open_checkpoint(alone)
    (alone / ".metadata").mkdir()
    with pytest.raises(MissingError):
        open_checkpoint(alone)
