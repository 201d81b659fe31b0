"""Where a checkpoint is written: one file, or a directory of shards with their index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from initcli.core.errors import OutputError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.writing.file_layout import FileLayout
from initcli.formats.writing.safetensors_layout import safetensors_layout
from initcli.formats.writing.sharding import INDEX, shard_name, shards_of
from initcli.formats.writing.torch_zip import torch_layout

_TORCH = (".pt", ".pth")
_FILES = (".safetensors", *_TORCH)


@dataclass(frozen=True, slots=True)
class FilePlan:
    """One file to be written: its name, and what goes where in it."""

    name: str
    layout: FileLayout


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """The files to be written.

    Attributes:
        path: The name that appears at the end.
        files: The one file of that name, or those of the directory.
        is_directory: Which of the two.
        index_name: The index over the files; empty if there is none.
        index_metadata: What the index says beside the tensors' size.
    """

    path: Path
    files: tuple[FilePlan, ...]
    is_directory: bool = False
    index_name: str = ""
    index_metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def targets(self) -> list[Path]:
        """Every file that will be written or replaced."""
        if not self.is_directory:
            return [self.path]
        names = [file.name for file in self.files] + [self.index_name] * bool(self.index_name)
        return [self.path / name for name in names]

    @property
    def specs(self) -> list[TensorSpec]:
        """Every tensor, in the order of files and bytes."""
        return [place.spec for file in self.files for place in file.layout.places]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a checkpoint is to hold.

    Attributes:
        specs: The tensors that are stored, by name.
        metadata: What its `__metadata__` holds.
        entries: Every name in order, tied ones too, and the stored tensor it stands for.
        source: The checkpoint it comes from, if it comes from one.
    """

    specs: Mapping[str, TensorSpec]
    metadata: Mapping[str, str]
    entries: Mapping[str, TensorSpec]
    source: Checkpoint | None = None


def plan_output(path: Path, contents: Contents, max_shard_size: int | None = None) -> OutputPlan:
    """Decides what is written where.

    Args:
        path: The name that will appear. One that ends in `.safetensors`, `.pt` or `.pth` is a
            file; any other is a directory.
        contents: What is written.
        max_shard_size: The bytes of tensors that a shard of the directory may hold; None to
            shard as the source is.

    Raises:
        OutputError: The name is neither, or no name at all.
    """
    if "\0" in str(path):
        raise OutputError("a name cannot hold NUL", where=visible(str(path), 300))
    if max_shard_size is not None:
        return _sharded(path, contents, max_shard_size)
    if path.suffix == ".safetensors":
        layout = safetensors_layout(contents.specs.values(), contents.metadata)
        return OutputPlan(path, (FilePlan(path.name, layout),))
    if path.suffix in _TORCH:
        return OutputPlan(path, (FilePlan(path.name, torch_layout(contents.entries)),))
    return _sharded_as_source(path, contents)


def _sharded(path: Path, contents: Contents, limit: int) -> OutputPlan:
    """Shards as the Hub does: each file tells its format, and the index all other metadata."""
    if path.suffix in _FILES:
        message = "with a limit on shards the output is a directory, and this names a file"
        raise OutputError(message, where=visible(str(path), 300), hint="leave the ending away")
    shards = shards_of(contents.specs.values(), limit)
    is_one = len(shards) == 1
    told = {key: text for key, text in contents.metadata.items() if is_one or key == "format"}
    files = tuple(
        FilePlan(shard_name(number, len(shards)), safetensors_layout(shard, told))
        for number, shard in enumerate(shards, 1)
    )
    if is_one:
        return OutputPlan(path, files, is_directory=True)
    more = {key: text for key, text in contents.metadata.items() if key not in told}
    index = {**_index_metadata(contents), **more}
    return OutputPlan(path, files, is_directory=True, index_name=INDEX, index_metadata=index)


def _index_metadata(contents: Contents) -> dict[str, object]:
    parameters = sum(spec.parameters for spec in contents.specs.values())
    known = contents.source.index_metadata if contents.source else {}
    return {"total_parameters": parameters, **known}


def _sharded_as_source(path: Path, contents: Contents) -> OutputPlan:
    source = contents.source
    if source is None or source.index is None:
        message = f"initcli writes {', '.join(_FILES)}, and a directory only from a sharded source"
        hint = "end the name in .safetensors, or give --max-shard-size"
        raise OutputError(message, where=visible(str(path), 300), hint=hint)
    names = _shard_names(source)
    held: dict[str, list[TensorSpec]] = {own: [] for own in names}
    for name, tensor in source.tensors.items():
        held[tensor.shard.path.name].append(contents.specs[name])
    files = tuple(
        FilePlan(names[own], safetensors_layout(held[own], shard.metadata))
        for own, shard in zip(names, source.shards, strict=True)
    )
    is_renamed = any(own != name for own, name in names.items())
    return OutputPlan(
        path,
        files,
        is_directory=True,
        index_name=INDEX if is_renamed else source.index.name,
        index_metadata={**source.index_metadata, **source.aliases},
    )


def _shard_names(source: Checkpoint) -> dict[str, str]:
    """Returns the name that each shard is written under: its own, if that tells the format."""
    names = [shard.path.name for shard in source.shards]
    if all(name.endswith(_FILES[0]) for name in names):
        return {name: name for name in names}
    return {name: shard_name(number, len(names)) for number, name in enumerate(names, 1)}
