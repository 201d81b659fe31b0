"""A sharded checkpoint's index (name to shard), held against every shard's header.

Source: https://huggingface.co/docs/transformers/big_models
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from initcli.core.errors import IndexMismatchError, MalformedError, MissingError
from initcli.core.text import visible
from initcli.formats.checkpoint import Checkpoint, Shard, StoredTensor, open_regular
from initcli.formats.safetensors import HEADER_LIMIT, read_shard
from initcli.formats.strict_json import parse_object

SUFFIX = ".safetensors.index.json"


def read_index(path: Path) -> Checkpoint:
    """Opens a sharded checkpoint by its index file.

    Raises:
        MalformedError: The index is no JSON object with a `weight_map` of plain file names.
        IndexMismatchError: A shard is absent, or index and headers disagree on a name.
    """
    where = visible(str(path), 300)
    document = parse_object(_read_small(path, where), where)
    promised = _promised(_weight_map(document.get("weight_map"), where))
    shards: list[Shard] = []
    tensors: dict[str, StoredTensor] = {}
    for shard_name, names in promised.items():
        shard, stored = _read_listed(path.parent / shard_name, where)
        _check_agreement(shard_name, stored, names, tensors, where)
        shards.append(shard)
        tensors |= stored
    metadata = document.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return Checkpoint(path, tuple(shards), tensors, index=path, index_metadata=metadata)


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
        if not isinstance(shard_name, str) or not _is_plain_name(shard_name):
            shown = visible(str(shard_name), 80)
            message = f"shard name {shown} is not a plain file name"
            raise MalformedError(message, where=where, hint="shards lie beside their index")
    return value


def _is_plain_name(name: str) -> bool:
    """Refuses `..`, absolute, drive, UNC, backslash and URL names on every platform."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\:\0")


def _promised(weight_map: Mapping[str, str]) -> dict[str, set[str]]:
    """Returns the names that each shard must hold."""
    promised: dict[str, set[str]] = {}
    for name, shard_name in weight_map.items():
        promised.setdefault(shard_name, set()).add(name)
    return promised


def _read_listed(path: Path, where: str) -> tuple[Shard, dict[str, StoredTensor]]:
    try:
        return read_shard(path)
    except MissingError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        message = f"the index lists a shard that is absent: {visible(path.name, 120)}"
        hint = "fetch or copy the shard again"
        raise IndexMismatchError(message, where=where, hint=hint) from error


def _check_agreement(
    shard_name: str,
    stored: Mapping[str, StoredTensor],
    promised: set[str],
    earlier: Mapping[str, StoredTensor],
    where: str,
) -> None:
    shown = visible(shard_name, 120)
    for name in sorted(promised - stored.keys()):
        message = f"tensor {visible(name, 80)} is not in {shown}, where the index puts it"
        raise IndexMismatchError(message, where=where)
    for name in stored:
        if name in earlier:
            message = f"tensor {visible(name, 80)} is in two shards"
            raise IndexMismatchError(message, where=where)
        if name not in promised:
            message = f"tensor {visible(name, 80)} in {shown} is not where the index puts it"
            raise IndexMismatchError(message, where=where)
