"""A sharded checkpoint's index: which name lies in which shard.

Source: https://huggingface.co/docs/transformers/big_models
"""

from __future__ import annotations

import os
from pathlib import Path

from initcli.core.errors import InitcliError, MalformedError
from initcli.core.text import visible
from initcli.formats.agreement import Opened, absent_or_unreadable, agreed
from initcli.formats.json.strict import parse_object
from initcli.formats.kinds import read_file
from initcli.formats.plain_name import is_plain_name
from initcli.formats.safetensors import HEADER_LIMIT
from initcli.formats.storage.aliases import without_aliases
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor, open_regular
from initcli.formats.storage.defect import Defect, Tell, refuse, taking_note


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
    document = parse_object(_read_small(path, where), where)
    weight_map = _weight_map(document.get("weight_map"), where)
    defects: list[Defect] = []
    tell: Tell = taking_note(defects) if lenient else refuse
    opened = _opened(path, weight_map, tell)
    if defects and not opened:
        refuse(defects[0])
    tensors, aliases = without_aliases(agreed(weight_map, opened, where, tell))
    metadata = document.get("metadata")
    return Checkpoint(
        path,
        tuple(each.shard for each in opened.values()),
        tensors,
        aliases,
        _optimizer(opened),
        path,
        metadata if isinstance(metadata, dict) else {},
        tuple(dict.fromkeys(note for each in opened.values() for note in each.notes)),
        tuple(defects),
        {name: why for each in opened.values() for name, why in each.unread.items()},
    )


def _optimizer(opened: Opened) -> dict[str, StoredTensor]:
    return {name: each for file in opened.values() for name, each in file.optimizer.items()}


def _read_small(path: Path, where: str) -> bytes:
    descriptor, size, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > HEADER_LIMIT:
            raise MalformedError(f"an index of {size:,} bytes", where=where)
        return file.read(HEADER_LIMIT)


def _weight_map(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise MalformedError("the index has no weight_map", where=where)
    for shard_name in value.values():
        if not isinstance(shard_name, str) or not is_plain_name(shard_name):
            shown = visible(str(shard_name), 80)
            message = f"shard name {shown} is not a plain file name"
            raise MalformedError(message, where=where, hint="shards lie beside their index")
    return value


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
