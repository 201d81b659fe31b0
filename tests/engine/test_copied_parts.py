"""A copy is made in parts, by any number of workers, and is the same whatever its shards."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from initcli.core.errors import TruncatedError
from initcli.engine.parts import copied_parts
from initcli.engine.plan import CHUNK_BYTES, SEGMENT_BYTES
from initcli.engine.write import write_checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.reading import open_shard
from initcli.formats.writing.output import Contents, plan_output
from made import large


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """Four matrices, each of several segments."""
    path = tmp_path_factory.mktemp("source") / "large.safetensors"
    return open_checkpoint(large(path, "BF16", 9 * SEGMENT_BYTES, tensors=4))


def copy(source: Checkpoint, path: Path, *, jobs: int, limit: int | None = None) -> dict[str, str]:
    """Copies a checkpoint and returns its summaries, told in full."""
    names = list(source.specs)[:: 1 if limit is None else -1]
    specs = {name: source.specs[name] for name in names}
    target = plan_output(path, Contents(specs, {}, specs), limit)
    written = write_checkpoint(
        target, lambda spec: copied_parts(source.tensors[spec.name]), overwrite=False, jobs=jobs
    )
    return {name: repr(written[name]) for name in source.specs}


def digests(checkpoint: Checkpoint) -> dict[str, str]:
    found = {}
    for name, tensor in checkpoint.tensors.items():
        buffer = memoryview(bytearray(tensor.spec.nbytes))
        with open_shard(tensor.shard) as reader:
            reader.read(tensor.offset, buffer)
        found[name] = hashlib.sha256(buffer).hexdigest()
    return found


@pytest.mark.parametrize(
    ("jobs", "limit"), [(1, None), (2, None), (5, None), (1, 1), (3, 3 * SEGMENT_BYTES)]
)
def test_values_and_summaries_do_not_depend_on_jobs_shards_or_order(
    jobs: int, limit: int | None, source: Checkpoint, tmp_path: Path
) -> None:
    told = copy(source, tmp_path / "1.safetensors", jobs=1)
    path = tmp_path / ("out" if limit else "out.safetensors")
    assert copy(source, path, jobs=jobs, limit=limit) == told
    assert digests(open_checkpoint(path)) == digests(source)
    if not limit:
        assert path.read_bytes() == (tmp_path / "1.safetensors").read_bytes()


def test_a_copy_is_made_of_segments_that_cover_a_tensor(source: Checkpoint) -> None:
    tensor = source.tensors["layers.0.weight"]
    parts = list(copied_parts(tensor))
    assert sum(part.count for part in parts) == tensor.spec.parameters
    assert max(2 * part.count for part in parts) == SEGMENT_BYTES
    assert max(len(chunk) for chunk in parts[0].chunks()) == CHUNK_BYTES
    assert not any(part.hold for part in parts)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_source_that_is_cut_short_meanwhile_is_told(jobs: int, tmp_path: Path) -> None:
    opened = open_checkpoint(large(tmp_path / "in.safetensors", "F32", 2 * SEGMENT_BYTES))
    with opened.shards[0].path.open("r+b") as file:
        file.truncate(SEGMENT_BYTES)
    with pytest.raises(TruncatedError):
        copy(opened, tmp_path / "out.safetensors", jobs=jobs)
    assert [path.name for path in tmp_path.iterdir()] == ["in.safetensors"]
