"""Holds an index against its shards: what lies where it should, and everything that does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from initcli.core.errors import IndexMismatchError, InitcliError, MissingError
from initcli.core.text import plural, some, visible
from initcli.formats.storage.checkpoint import OpenedFile, StoredTensor
from initcli.formats.storage.defect import Defect, Flaw, Tell

Opened = dict[str, OpenedFile]
"""The shards that can be read, by file name."""


def agreed(
    weight_map: Mapping[str, str], opened: Opened, where: str, tell: Tell
) -> dict[str, StoredTensor]:
    """Returns the tensors that lie where the index puts them, in file order.

    What lies elsewhere is a defect and is not returned, and so are further copies of a name.

    Args:
        weight_map: The shard of every name.
        opened: The shards that can be read.
        where: The index, as messages name it.
        tell: Told of every name on which index and shards disagree.
    """
    tensors: dict[str, StoredTensor] = {}
    strays: dict[str, list[str]] = {}
    for shard_name, file in opened.items():
        for name, tensor in file.tensors.items():
            if weight_map.get(name) == shard_name:
                tensors[name] = tensor
            else:
                strays.setdefault(name, []).append(shard_name)
    for defect in _disagreements(weight_map, opened, tensors, strays, where):
        tell(defect)
    return tensors


def absent_or_unreadable(
    index: Path, shard_name: str, error: InitcliError, lost: Sequence[str]
) -> Defect:
    """Tells of a shard that cannot be opened.

    Args:
        index: The index that lists it.
        shard_name: Its file.
        error: Why it cannot.
        lost: The names that the index puts there.
    """
    shown = visible(shard_name, 120)
    unread = f"{plural(len(lost), 'tensor')} not read: {some([visible(name, 80) for name in lost])}"
    is_absent = isinstance(error, MissingError) and isinstance(error.__cause__, FileNotFoundError)
    if not is_absent:
        what = f"{shown}: {error.message}; {unread}"
        return Defect(Flaw.UNREADABLE, error, what, file=shard_name)
    message = f"the index lists a shard that is absent: {shown}"
    hint = "fetch or copy the shard again"
    absence = IndexMismatchError(message, where=visible(str(index), 300), hint=hint)
    absence.__cause__ = error
    return Defect(Flaw.DISAGREEMENT, absence, f"{message}; {unread}", file=shard_name)


def _disagreements(
    weight_map: Mapping[str, str],
    opened: Opened,
    tensors: Mapping[str, StoredTensor],
    strays: Mapping[str, list[str]],
    where: str,
) -> Iterator[Defect]:
    for name, own in weight_map.items():
        if own in opened and name not in tensors and name not in strays:
            what = f"is not in {visible(own, 120)}, where the index puts it"
            yield _of_tensor(Flaw.DISAGREEMENT, name, what, "", where)
    for name, shards in strays.items():
        place = weight_map.get(name)
        if place is not None and name in tensors:
            read = f"that of {visible(place, 120)} is read, where the index puts it"
            yield _of_tensor(Flaw.DOUBLED, name, _doubled([place, *shards]), read, where)
        elif len(shards) > 1:
            yield _of_tensor(Flaw.DOUBLED, name, _doubled(shards), "none is read", where)
        else:
            what = _strayed(visible(shards[0], 120), place, opened)
            yield _of_tensor(Flaw.DISAGREEMENT, name, what, "not read", where)


def _strayed(found: str, own: str | None, opened: Opened) -> str:
    if own is None:
        return f"is in {found} and not in the index"
    if own not in opened:
        return f"is in {found}, which is not where the index puts it"
    return f"is not in {visible(own, 120)}, where the index puts it, but in {found}"


def _doubled(shards: Sequence[str]) -> str:
    first, second = (visible(shard, 120) for shard in shards[:2])
    beyond = len(shards) - 2
    count = f"{plural(len(shards), 'shard')}" if beyond else "two shards"
    more = f" and {beyond:,} more" if beyond else ""
    return f"is in {count}, {first} and {second}{more}"


def _of_tensor(flaw: Flaw, name: str, what: str, fate: str, where: str) -> Defect:
    error = IndexMismatchError(f"tensor {visible(name, 80)} {what}", where=where)
    return Defect(flaw, error, f"{what}; {fate}" if fate else what, tensor=name)
