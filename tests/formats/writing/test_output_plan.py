"""What is written where, and what must not be touched."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from initcli.core.errors import OutputError, WriteError
from initcli.core.tensor import TensorSpec
from initcli.engine.parts import Part
from initcli.engine.write import write_checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.writing.output import Contents, OutputPlan, plan_output
from initcli.formats.writing.staging import refuse_harm, staged

INDEX = "model.safetensors.index.json"
SHARDS = ("1.safetensors", "2.safetensors")


@pytest.fixture
def source(tmp_path: Path) -> Checkpoint:
    directory = tmp_path / "source"
    directory.mkdir()
    save_file({"a": torch.ones(2), "b": torch.ones(3)}, directory / "1.safetensors")
    save_file({"c": torch.ones(4)}, directory / "2.safetensors", metadata={"k": "v"})
    weight_map = dict(zip("abc", (SHARDS[0], SHARDS[0], SHARDS[1]), strict=True))
    index = {"metadata": {"total_size": 1, "kept": [1]}, "weight_map": weight_map}
    (directory / INDEX).write_text(json.dumps(index))
    return open_checkpoint(directory)


def planned(path: Path, source: Checkpoint) -> OutputPlan:
    return plan_output(path, Contents(source.specs, source.metadata, source.specs, source))


def zeros(spec: TensorSpec) -> list[Part]:
    return [Part(spec.parameters, lambda: iter([memoryview(bytes(spec.nbytes))]))]


def write(path: Path, source: Checkpoint, *, overwrite: bool = False) -> None:
    plan = planned(path, source)
    refuse_harm(plan, source.files, overwrite=overwrite)
    write_checkpoint(plan, zeros, overwrite=overwrite)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_directory_is_sharded_as_its_source(source: Checkpoint, tmp_path: Path) -> None:
    write(tmp_path / "out", source)
    written = open_checkpoint(tmp_path / "out")
    assert written.specs == source.specs
    assert names(tmp_path / "out") == [*SHARDS, INDEX]
    assert [dict(shard.metadata) for shard in written.shards] == [{}, {"k": "v"}]
    assert written.index_metadata == {"total_size": 36, "kept": [1]}


def test_a_sharded_source_may_become_one_file(source: Checkpoint, tmp_path: Path) -> None:
    write(tmp_path / "out.safetensors", source)
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert set(file.keys()) == {"a", "b", "c"}
        assert file.metadata() == {"k": "v"}


@pytest.mark.parametrize("name", ["out.bin", "out", "out.safetensors.index.json"])
def test_a_directory_needs_a_sharded_source(name: str, source: Checkpoint) -> None:
    one_file = open_checkpoint(source.shards[0].path)
    with pytest.raises(OutputError, match=r"initcli writes \.safetensors, \.pt, \.pth"):
        planned(Path(name), one_file)


def test_a_name_with_nul_is_refused(source: Checkpoint) -> None:
    with pytest.raises(OutputError, match="NUL"):
        planned(Path("a\0.safetensors"), source)


def test_a_name_that_is_too_long_is_refused_before_anything_is_drawn(
    source: Checkpoint, tmp_path: Path
) -> None:
    for name in ("a" * 300, f"{'a' * 300}.safetensors"):
        with pytest.raises(WriteError, match="too long"):
            refuse_harm(planned(tmp_path / name, source), source.files, overwrite=False)


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("name", [*SHARDS, INDEX])
def test_an_output_that_is_an_input_is_refused_through_any_link(
    link: object, name: str, source: Checkpoint, tmp_path: Path
) -> None:
    target = tmp_path / "out.safetensors"
    link(target, source.path / name)  # type: ignore[operator]
    with pytest.raises(OutputError, match="the output is an input"):
        refuse_harm(planned(target, source), source.files, overwrite=True)


@pytest.mark.parametrize("as_link", [False, True])
def test_the_sources_own_directory_is_refused(
    as_link: bool, source: Checkpoint, tmp_path: Path
) -> None:
    target = source.path
    if as_link:
        target = tmp_path / "link"
        target.symlink_to(source.path)
    with pytest.raises(OutputError, match="the output is an input"):
        refuse_harm(planned(target, source), source.files, overwrite=True)


def test_an_existing_directory_needs_leave_unless_it_is_empty(
    source: Checkpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".out.0123456789ab.initcli.tmp").mkdir()  # of a writer that was killed
    write(out, source)
    assert not [name for name in names(out) if name.startswith(".")]
    with pytest.raises(OutputError, match="exists already"):
        write(out, source)


def test_a_replaced_directory_keeps_what_is_not_of_the_checkpoint(
    source: Checkpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("{}")
    (out / SHARDS[0]).write_text("old")
    write(out, source, overwrite=True)
    assert names(out) == [*SHARDS, "config.json", INDEX]
    assert open_checkpoint(out).specs == source.specs


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo, lambda path: path.symlink_to("nowhere")])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_that_is_no_directory_is_kept(
    make: object, overwrite: bool, source: Checkpoint, tmp_path: Path
) -> None:
    make(tmp_path / "out")  # type: ignore[operator]
    with pytest.raises(OutputError, match="no directory"):
        refuse_harm(planned(tmp_path / "out", source), source.files, overwrite=overwrite)


def test_a_directory_in_the_place_of_a_shard_is_refused_beforehand(
    source: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "out" / SHARDS[1]).mkdir(parents=True)
    with pytest.raises(OutputError, match="no regular file"):
        refuse_harm(planned(tmp_path / "out", source), source.files, overwrite=True)


@pytest.mark.parametrize("name", [".", "sub/.."])
def test_the_working_directory_is_an_output_like_any_other(
    name: str, source: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    write(Path(name), source, overwrite=True)
    assert names(Path()) == [*SHARDS, INDEX, "sub"]


def fail_after_a_shard(paths: list[Path], error: type[BaseException]) -> None:
    paths[0].write_text("new")
    raise error(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("exists", [False, True])
def test_whatever_is_raised_inside_leaves_the_directory_as_it_was(
    error: type[BaseException], exists: bool, source: Checkpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    if exists:
        write(out, source)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    expected = WriteError if error is OSError else error
    with pytest.raises(expected), staged(planned(out, source), overwrite=True) as paths:
        fail_after_a_shard(paths, error)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert out.exists() == exists


def test_the_index_goes_first_and_comes_last(
    source: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    write(out, source)
    seen: list[tuple[str, bool]] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        seen.append((target.name, (out / INDEX).exists()))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watched)
    write(out, source, overwrite=True)
    assert seen == [(SHARDS[0], False), (SHARDS[1], False), (INDEX, False)]
    assert (out / INDEX).exists()


def test_shards_are_renamed_within_the_directory_that_exists(
    source: Checkpoint, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with staged(planned(out, source), overwrite=False) as paths:
        for path in paths:
            assert path.parent.parent == out
            path.touch()
    assert names(out) == [*SHARDS, INDEX]
