"""A sharded checkpoint's index: which name lies in which shard.

Source: https://huggingface.co/docs/transformers/big_models
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from initcli.core.collector import uncollected
from initcli.core.errors import InitcliError, MalformedError
from initcli.core.text import visible
from initcli.formats.agreement import Opened, absent_or_unreadable, agreed
from initcli.formats.json.stream import JsonStream
from initcli.formats.kinds import read_file
from initcli.formats.plain_name import is_plain_name
from initcli.formats.safetensors import HEADER_LIMIT
from initcli.formats.storage.aliases import without_aliases
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor, open_regular
from initcli.formats.storage.defect import Defect, Tell, refuse, taking_note

_MAP = "weight_map"
# Several times what the largest models have.
_MOST = 1_000_000


def read_index(path: Path, *, lenient: bool = False) -> Checkpoint:
    """Opens a sharded checkpoint by its index file.

    A tensor is opened where the index puts it, and nowhere else.

    Args:
        path: The index file.
        lenient: Whether to open what is sound, and to list as defects what is not.

    Raises:
        MalformedError: The index is no JSON object with a `weight_map` of plain file names.
        IndexMismatchError: A shard is absent, or index and headers disagree on a name.
        InitcliError: Whatever else is wrong with a shard. A lenient reader is told so, and of
            what the index has wrong, only where no shard can be read, or ten thousand things are
            broken.
    """
    where = visible(str(path), 300)
    weight_map, metadata = _told(path, where)
    defects: list[Defect] = []
    tell: Tell = taking_note(defects) if lenient else refuse
    opened = _opened(path, weight_map, tell)
    if defects and not opened:
        refuse(defects[0])
    tensors, aliases = without_aliases(agreed(weight_map, opened, where, tell))
    return Checkpoint(
        path,
        tuple(each.shard for each in opened.values()),
        tensors,
        aliases,
        _optimizer(opened),
        path,
        metadata,
        tuple(dict.fromkeys(note for each in opened.values() for note in each.notes)),
        tuple(defects),
        {name: why for each in opened.values() for name, why in each.unread.items()},
    )


def _optimizer(opened: Opened) -> dict[str, StoredTensor]:
    return {name: each for file in opened.values() for name, each in file.optimizer.items()}


def _told(path: Path, where: str) -> tuple[dict[str, str], dict[str, object]]:
    """Returns the shard of every name, and the index's metadata."""
    descriptor, size, _ = open_regular(path)
    weight_map: dict[str, str] | None = None
    told: dict[str, object] = {}
    with os.fdopen(descriptor, "rb") as file, uncollected():
        if size > HEADER_LIMIT:
            raise MalformedError(f"an index of {size:,} bytes", where=where)
        stream = JsonStream(file.read, where)
        for key in stream.members():
            if key in told or (key == _MAP and weight_map is not None):
                raise MalformedError(f"duplicate name {visible(key, 80)}", where=where)
            if key == _MAP:
                weight_map = stream.texts(_MAP, _MOST)
            else:
                value = stream.value()
                told[key] = value if key == "metadata" else None
        stream.finish()
    if weight_map is None:
        raise MalformedError(f"the index has no {_MAP}", where=where)
    _refuse_paths(weight_map.values(), where)
    metadata = told.get("metadata")
    return weight_map, metadata if isinstance(metadata, dict) else {}


def _refuse_paths(shard_names: Iterable[str], where: str) -> None:
    for shard_name in dict.fromkeys(shard_names):
        if not is_plain_name(shard_name):
            shown = visible(shard_name, 80)
            message = f"shard name {shown} is not a plain file name"
            raise MalformedError(message, where=where, hint="shards lie beside their index")


def _opened(path: Path, weight_map: dict[str, str], tell: Tell) -> Opened:
    """Opens every shard that the index lists, in its order."""
    promised: dict[str, list[str]] = {}
    for name, shard_name in weight_map.items():
        promised.setdefault(shard_name, []).append(name)
    opened: Opened = {}
    for shard_name, names in promised.items():
        try:
            opened[shard_name] = read_file(path.parent / shard_name)
        except InitcliError as error:
            tell(absent_or_unreadable(path, shard_name, error, names))
    return opened
