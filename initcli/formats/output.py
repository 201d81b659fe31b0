"""Where a checkpoint is written: one file, or a directory of shards with its index."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from initcli.core.errors import OutputError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.atomic import (
    atomic_file,
    hidden_name,
    refuse_taken,
    sync_directory,
    told_as_write_error,
)
from initcli.formats.checkpoint import Checkpoint
from initcli.formats.index import SUFFIX


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """One file to be written: its name, its tensors, and its `__metadata__`."""

    name: str
    specs: tuple[TensorSpec, ...]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The files to be written, and the index over them if there are several."""

    path: Path
    shards: tuple[ShardPlan, ...]
    index_name: str = ""
    index_metadata: Mapping[str, object] | None = None

    @property
    def targets(self) -> list[Path]:
        """Every file that will be written or replaced."""
        if not self.index_name:
            return [self.path]
        return [
            self.path / name for name in (*(shard.name for shard in self.shards), self.index_name)
        ]


def plan_output(
    path: Path,
    specs: Mapping[str, TensorSpec],
    metadata: Mapping[str, str],
    source: Checkpoint | None,
) -> OutputPlan:
    """Decides what is written where.

    A name ending in `.safetensors` is one file; any other is a directory, sharded as its
    source is.

    Raises:
        OutputError: The name is neither, or no name at all.
    """
    if "\0" in str(path):
        raise OutputError("a name cannot hold NUL", where=visible(str(path), 300))
    if path.suffix == ".safetensors":
        return OutputPlan(path, (ShardPlan(path.name, tuple(specs.values()), metadata),))
    if source is None or source.index is None:
        message = "initcli writes .safetensors, and a directory only from a sharded source"
        where = visible(str(path), 300)
        raise OutputError(message, where=where, hint="end the name in .safetensors")
    held: dict[str, list[TensorSpec]] = {shard.path.name: [] for shard in source.shards}
    for name, tensor in source.tensors.items():
        held[tensor.shard.path.name].append(specs[name])
    shards = tuple(
        ShardPlan(shard.path.name, tuple(held[shard.path.name]), shard.metadata)
        for shard in source.shards
    )
    return OutputPlan(path, shards, source.index.name, source.index_metadata)


def refuse_harm(plan: OutputPlan, inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Refuses to replace an input, or anything at all unless told so.

    Raises:
        OutputError: A target is an input, or exists and may not be replaced.
        WriteError: The system accepts no such name.
    """
    inputs = list(inputs)
    with told_as_write_error(plan.path):
        for target in plan.targets:
            if target.exists() and any(target.samefile(path) for path in inputs):
                message = "the output is an input, and an input is never changed"
                raise OutputError(message, where=visible(str(target), 300))
        if plan.index_name:
            _refuse_taken_directory(plan, overwrite=overwrite)
        else:
            refuse_taken(plan.path, overwrite=overwrite)


def _refuse_taken_directory(plan: OutputPlan, *, overwrite: bool) -> None:
    where = visible(str(plan.path), 300)
    if not plan.path.is_dir():
        if plan.path.exists() or plan.path.is_symlink():
            raise OutputError("exists and is no directory", where=where)
        return
    if any(plan.path.iterdir()) and not overwrite:
        raise OutputError("exists already", where=where, hint="give --force to replace it")
    for target in plan.targets:
        refuse_taken(target, overwrite=overwrite)
    ours = {target.name for target in plan.targets}
    for entry in plan.path.iterdir():
        if entry.name not in ours and entry.name.endswith((".safetensors", SUFFIX)):
            message = f"holds another checkpoint's file, {visible(entry.name, 120)}"
            raise OutputError(message, where=where, hint="choose another directory")


@contextmanager
def staged_directory(plan: OutputPlan) -> Iterator[Path]:
    """Yields a hidden directory to write shards into; the index and the name come last.

    An existing directory loses its index before its shards are replaced: until the new index
    is there, nobody can take a mixture for a checkpoint.

    Raises:
        WriteError: The system refused.
    """
    # An existing directory may be a mount point: only within it does a rename not copy.
    parent = plan.path if plan.path.is_dir() else plan.path.parent
    stage = parent / hidden_name(plan.path)
    with told_as_write_error(plan.path):
        try:
            stage.mkdir()
            yield stage
            _write_index(stage / plan.index_name, plan)
            _publish(stage, plan)
            sync_directory(parent)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def _publish(stage: Path, plan: OutputPlan) -> None:
    if not plan.path.is_dir():
        stage.rename(plan.path)
        return
    (plan.path / plan.index_name).unlink(missing_ok=True)
    for target in plan.targets:
        (stage / target.name).replace(target)


def _write_index(path: Path, plan: OutputPlan) -> None:
    sizes = sum(spec.nbytes for shard in plan.shards for spec in shard.specs)
    weight_map = {spec.name: shard.name for shard in plan.shards for spec in shard.specs}
    document = {
        "metadata": {**(plan.index_metadata or {}), "total_size": sizes},
        "weight_map": dict(sorted(weight_map.items())),
    }
    with atomic_file(path, overwrite=False) as file:
        file.write(json.dumps(document, indent=2).encode() + b"\n")
