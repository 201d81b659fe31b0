"""What a path holds: one file, an index over several, or a directory with either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from initcli.core.errors import MissingError, UnknownFormatError
from initcli.core.text import plural, some, visible
from initcli.formats.families import (
    FAMILIES,
    METADATA,
    PIECES,
    Family,
    holds_checkpoint,
    is_distributed,
    of_training,
)
from initcli.formats.index import read_index
from initcli.formats.kinds import READABLE, read_file
from initcli.formats.peek import peek_at
from initcli.formats.safetensors import HEADER_LIMIT, PREFIX
from initcli.formats.storage.aliases import without_aliases
from initcli.formats.storage.checkpoint import Checkpoint

_MOST_BELOW = 100
Found = Sequence[tuple[Family, Sequence[str]]]
"""The families that a directory has, and their files' names."""


def open_checkpoint(
    path: str | Path, *, lenient: bool = False, include_optimizer: bool = False
) -> Checkpoint:
    """Opens a checkpoint: a file of a known format, a sharded index, or a directory with either.

    Only headers are read.

    Args:
        path: What the user named.
        lenient: Whether to open what is sound, and to list as defects what is not.
        include_optimizer: Whether an optimizer's state counts as tensors too.

    Raises:
        MissingError: The path is absent or unreadable.
        UnknownFormatError: Nothing that is recognised lies there.
        MalformedError, TruncatedError, IndexMismatchError: What lies there is broken; a lenient
            reader is told so only where nothing of it can be read.
    """
    path = Path(path)
    try:
        is_directory = path.is_dir()
    except (OSError, ValueError) as error:
        raise MissingError("not a usable path", where=visible(str(path), 300)) from error
    open_path = _open_directory if is_directory else _open_file
    opened = open_path(path, lenient=lenient)
    return _with_optimizer(opened) if include_optimizer else _without_optimizer(opened)


def _with_optimizer(opened: Checkpoint) -> Checkpoint:
    tensors, aliases = without_aliases({**opened.tensors, **opened.optimizer})
    return replace(opened, tensors=tensors, aliases={**opened.aliases, **aliases}, optimizer={})


def _without_optimizer(opened: Checkpoint) -> Checkpoint:
    if not opened.optimizer:
        return opened
    count = plural(len(opened.optimizer), "tensor")
    note = f"left out: {count} of an optimizer's state, which --include-optimizer shows"
    return replace(opened, notes=(*opened.notes, note))


def _open_file(path: Path, *, lenient: bool) -> Checkpoint:
    if path.name.endswith(PIECES) or path.name == METADATA:
        message = "a file of a distributed checkpoint, which is its directory"
        hint = f"name {visible(str(path.parent), 200)}"
        raise UnknownFormatError(message, where=visible(str(path), 300), hint=hint)
    head = peek_at(path).head
    # Any first bytes may be the length of a safetensors header, so that is asked first.
    is_length = int.from_bytes(head[:PREFIX].ljust(PREFIX, b"\xff"), "little") <= HEADER_LIMIT
    if not is_length and head.lstrip().startswith(b"{"):
        return read_index(path, lenient=lenient)
    file = read_file(path, lenient=lenient)
    tensors, aliases = without_aliases(file.tensors)
    return Checkpoint(
        path,
        (file.shard, *file.beside),
        tensors,
        aliases,
        file.optimizer,
        notes=file.notes,
        defects=file.defects,
        unread=file.unread,
    )


def _open_directory(path: Path, *, lenient: bool) -> Checkpoint:
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise MissingError(error.strerror or "unreadable", where=visible(str(path), 300)) from error
    held = [(family, found) for family in FAMILIES if (found := family.among(names))]
    if is_distributed(names):
        return _distributed(path, names, held, lenient=lenient)
    if not held:
        message, where = "no checkpoint in it", visible(str(path), 300)
        raise UnknownFormatError(message, where=where, hint=_below(path, names) or READABLE)
    (family, found), *others = held
    chosen = family.chosen(found, visible(str(path), 300))
    opened = _open_file(path / chosen, lenient=lenient)
    beside = _passed_over(family.what, others, of_training(names))
    notes = (*opened.notes, *_unlisted(opened, found), *beside)
    return replace(opened, path=path, notes=notes)


def _below(path: Path, names: Sequence[str]) -> str:
    """Returns which of its directories hold checkpoints, as the Hub's and diffusers' do."""
    snapshots = (f"snapshots/{each}" for each in _in(path / "snapshots"))
    below = (*names[:_MOST_BELOW], *snapshots)
    held = [visible(name, 120) for name in below if holds_checkpoint(_in(path / name))]
    return f"name one of the directories below: {some(held)}" if held else ""


def _in(path: Path) -> list[str]:
    try:
        return [each.name for each in islice(path.iterdir(), _MOST_BELOW)]
    except OSError:  # it is no directory, or not for us
        return []


def _distributed(path: Path, names: Sequence[str], held: Found, *, lenient: bool) -> Checkpoint:
    from initcli.formats.pytorch.dcp.reader import read_dcp  # only where there is need of it

    opened = read_dcp(path, lenient=lenient)
    known = {shard.path.name for shard in opened.shards}
    idle = [name for name in names if name.endswith(PIECES) and name not in known]
    unnamed = [f"not read: {some([visible(name, 120) for name in idle])}, not in .metadata"]
    beside = _passed_over("a distributed checkpoint", held)
    return replace(opened, notes=(*opened.notes, *unnamed * bool(idle), *beside))


def _unlisted(opened: Checkpoint, found: Sequence[str]) -> list[str]:
    known = {shard.path.name for shard in opened.shards} | {each.file for each in opened.defects}
    if opened.index:
        known.add(opened.index.name)
    return [
        f"not read: {visible(name, 120)} is not in the index" for name in found if name not in known
    ]


def _passed_over(what: str, others: Found, of_training: Sequence[str] = ()) -> list[str]:
    names = [*(name for _, found in others for name in found), *of_training]
    shown = some([visible(name, 120) for name in names])
    return [f"not read: {shown}, beside {what}"] if names else []
