"""Where a planned checkpoint grows unseen, and how it takes its name: whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from initcli.core.errors import OutputError
from initcli.core.text import visible
from initcli.formats.writing.atomic import (
    atomic_file,
    atomic_path,
    refuse_taken,
    sync_directory,
    told_as_write_error,
)
from initcli.formats.writing.leftovers import hidden_place, is_hidden
from initcli.formats.writing.output import OutputPlan
from initcli.formats.writing.placed import sync

_OURS = (".safetensors", ".safetensors.index.json")


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
        if plan.is_directory:
            _refuse_taken_directory(plan, overwrite=overwrite)
        else:
            refuse_taken(plan.path, overwrite=overwrite)


def _refuse_taken_directory(plan: OutputPlan, *, overwrite: bool) -> None:
    where = visible(str(plan.path), 300)
    if not plan.path.is_dir():
        if plan.path.exists() or plan.path.is_symlink():
            raise OutputError("exists and is no directory", where=where)
        return
    if any(not is_hidden(entry.name) for entry in plan.path.iterdir()) and not overwrite:
        raise OutputError("exists already", where=where, hint="give --force to replace it")
    for target in plan.targets:
        refuse_taken(target, overwrite=overwrite)
    ours = {target.name for target in plan.targets}
    for entry in plan.path.iterdir():
        if entry.name not in ours and entry.name.endswith(_OURS):
            message = f"holds another checkpoint's file, {visible(entry.name, 120)}"
            raise OutputError(message, where=where, hint="choose another directory")


@contextmanager
def staged(plan: OutputPlan, *, overwrite: bool) -> Iterator[list[Path]]:
    """Yields where each file of a plan is to be written; it takes its name when all are.

    Raises:
        OutputError: The name is taken.
        WriteError: The system refused.
    """
    if plan.is_directory:
        with _staged_directory(plan, overwrite=overwrite) as stage:
            yield [stage / file.name for file in plan.files]
    else:
        with atomic_path(plan.path, overwrite=overwrite) as temporary:
            yield [temporary]
            sync(temporary)


@contextmanager
def _staged_directory(plan: OutputPlan, *, overwrite: bool) -> Iterator[Path]:
    """Yields a hidden directory to write files into; the index and the name come last.

    An existing directory loses its index before its shards are replaced: until the new index
    is there, nobody can take a mixture for a checkpoint.
    """
    # An existing directory may be a mount point: only within it does a rename not copy.
    parent = plan.path if plan.path.is_dir() else plan.path.parent
    with (
        told_as_write_error(plan.path),
        hidden_place(parent, plan.path.name, Path.mkdir) as stage,
    ):
        yield stage
        for file in plan.files:
            sync(stage / file.name)
        _write_index(stage, plan)
        # Another writer may have taken a name since they were found free.
        for target in plan.targets:
            if plan.path.is_dir():
                refuse_taken(target, overwrite=overwrite)
        _publish(stage, plan)
        sync_directory(parent)


def _publish(stage: Path, plan: OutputPlan) -> None:
    if not plan.path.is_dir():
        sync_directory(stage)
        stage.rename(plan.path)
        return
    if plan.index_name:
        (plan.path / plan.index_name).unlink(missing_ok=True)
    for target in plan.targets:
        (stage / target.name).replace(target)


def _write_index(stage: Path, plan: OutputPlan) -> None:
    if not plan.index_name:
        return
    sizes = sum(spec.nbytes for spec in plan.specs)
    weight_map = {place.spec.name: file.name for file in plan.files for place in file.layout.places}
    metadata = {**plan.index_metadata, "total_size": sizes}
    document = {"metadata": metadata, "weight_map": weight_map}
    with atomic_file(stage / plan.index_name, overwrite=False) as file:
        file.write(json.dumps(document, indent=2, sort_keys=True).encode() + b"\n")
