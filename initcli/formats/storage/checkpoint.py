"""An opened checkpoint: names, dtypes, shapes and byte ranges; no values."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from initcli.core.dtypes import DTYPES
from initcli.core.errors import MissingError
from initcli.core.tensor import TensorSpec
from initcli.core.text import some, visible
from initcli.formats.storage.defect import Defect
from initcli.formats.storage.extents import Extent


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a checkpoint.

    Attributes:
        path: Where it lies.
        size: Its bytes when it was opened.
        identity: Device, inode and modification time, by which a change is noticed.
        metadata: The file's own `__metadata__`.
        extents: What lies behind its last byte and is made when it is read, in ascending order.
    """

    path: Path
    size: int
    identity: tuple[int, int, int]
    metadata: Mapping[str, str] = field(default_factory=dict)
    extents: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor, and the address in its shard at which its bytes begin."""

    spec: TensorSpec
    shard: Shard
    offset: int

    def comparable(self) -> StoredTensor:
        """Returns it as bytes where its values are not decoded: they can still be told apart."""
        if self.spec.dtype.is_decoded:
            return self
        spec = replace(self.spec, dtype=DTYPES["U8"], shape=(self.spec.nbytes,))
        return replace(self, spec=spec)


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """What one file holds.

    Attributes:
        shard: The file.
        tensors: Every tensor by name; names at one address are one tensor.
        optimizer: Likewise what is of an optimizer's state, which is shown on request only.
        notes: What the reader should know of how the file was understood.
        defects: What is broken beside what is sound.
        unread: What is there and is not read, and why, by name.
        beside: Further files that hold its tensors' values.
    """

    shard: Shard
    tensors: dict[str, StoredTensor]
    optimizer: Mapping[str, StoredTensor] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[Shard, ...] = ()


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors on storage.

    Attributes:
        path: The path the user gave.
        shards: Its files, in the order of the index.
        tensors: Every tensor by name, in file order.
        aliases: Further names of tensors' bytes: alias to the name that is in `tensors`.
        optimizer: The tensors of an optimizer's state, which are left out.
        index: The index file of a sharded checkpoint.
        index_metadata: What the index's `metadata` holds.
        notes: What the reader should know of how the path was understood.
        defects: What is broken beside what is sound, where a lenient reader asked for that.
        unread: What is there and is not read, and why, by name.
    """

    path: Path
    shards: tuple[Shard, ...]
    tensors: Mapping[str, StoredTensor]
    aliases: Mapping[str, str] = field(default_factory=dict)
    optimizer: Mapping[str, StoredTensor] = field(default_factory=dict)
    index: Path | None = None
    index_metadata: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (*([self.index] if self.index else []), *(shard.path for shard in self.shards))

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and what is not read, for a report without findings."""
        names: dict[str, list[str]] = {}
        for name, reason in self.unread.items():
            names.setdefault(reason, []).append(visible(name, 80))
        unread = (f"not read, {reason}: {some(held)}" for reason, held in names.items())
        return (*self.notes, *unread)

    @property
    def directory(self) -> Path:
        """Where its files lie."""
        return self.files[0].parent

    @cached_property
    def specs(self) -> dict[str, TensorSpec]:
        """Every tensor's metadata by name."""
        return {name: tensor.spec for name, tensor in self.tensors.items()}

    def find(self, name: str) -> StoredTensor | None:
        """Returns the tensor of a name, its own or one that is tied to it."""
        return self.tensors.get(self.ties.get(name, name))

    @cached_property
    def metadata(self) -> dict[str, str]:
        """The shards' metadata; of a key in several shards the first value counts."""
        merged: dict[str, str] = {}
        for shard in self.shards:
            for key, value in shard.metadata.items():
                merged.setdefault(key, value)
        return merged

    @cached_property
    def declared_ties(self) -> dict[str, str]:
        """Alias to stored name, as `safetensors.torch.save_model` declares ties in metadata.

        The Hub's libraries declare those of a sharded checkpoint in its index. Other metadata may
        happen to name a tensor too; its keys are no dotted names.
        """
        return {
            alias: name
            for alias, name in {**self.index_metadata, **self.metadata}.items()
            if isinstance(name, str) and name in self.tensors and alias != name and "." in alias
        }

    @cached_property
    def ties(self) -> dict[str, str]:
        """The aliases, and the declared ties whose alias has no bytes of its own."""
        return {
            **{
                alias: name
                for alias, name in self.declared_ties.items()
                if alias not in self.tensors
            },
            **self.aliases,
        }


def open_regular(path: Path) -> tuple[int, int, tuple[int, int, int]]:
    """Opens a regular file for reading, and nothing else: no FIFO, device or directory.

    Returns:
        A file descriptor the caller closes, the file's size, and its identity.

    Raises:
        MissingError: The path is absent, unreadable or no regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        hint = "only init takes a factory, file.py:name" if ".py:" in path.name else ""
        raise MissingError(_reason(error), where=visible(str(path), 300), hint=hint) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MissingError("not a regular file", where=visible(str(path), 300))
    return descriptor, *told_of(descriptor)


def told_of(descriptor: int) -> tuple[int, tuple[int, int, int]]:
    """Returns the size of an open file, and its identity."""
    status = os.fstat(descriptor)
    return status.st_size, (status.st_dev, status.st_ino, status.st_mtime_ns)


def _reason(error: OSError | ValueError) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]
