"""A model that was split into several GGUF files, which know each other by their names.

Source: https://github.com/ggml-org/llama.cpp/tree/master/tools/gguf-split
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from initcli.core.errors import InitcliError, MalformedError
from initcli.core.text import visible
from initcli.formats.plain_name import part_names
from initcli.formats.storage.checkpoint import OpenedFile
from initcli.formats.storage.defect import Defect, Flaw

_COUNT, _NUMBER, _TENSORS = "split.count", "split.no", "split.tensors.count"
_HINT = "fetch or copy all parts"

Read = Callable[[Path], OpenedFile]


def with_other_parts(path: Path, opened: OpenedFile, read: Read) -> OpenedFile:
    """Returns a whole model, of which a part has been opened; a part that is missing is a defect.

    Args:
        path: The part.
        opened: What it holds.
        read: Opens another one.

    Raises:
        MalformedError: Two parts have a tensor of the same name.
    """
    count = opened.shard.metadata.get(_COUNT, "0")
    if count in {"0", "1"}:
        return opened
    names = part_names(path.name)
    if str(len(names)) != count:
        reason = f"the other parts of a model of {visible(count, 20)}, whose names are not known"
        return replace(opened, unread={"": reason})
    held: dict[str, OpenedFile] = {}
    defects = list(_opened(path, opened, names, read, held))
    return _joined(list(held.values()), defects, visible(str(path), 300))


def _opened(
    path: Path, opened: OpenedFile, names: Sequence[str], read: Read, held: dict[str, OpenedFile]
) -> Iterator[Defect]:
    """Opens the parts, and yields what is wrong with them."""
    for number, name in enumerate(names):
        try:
            found = opened if name == path.name else read(path.with_name(name))
            _check(
                found.shard.metadata, number, len(names), visible(str(path.with_name(name)), 300)
            )
            held[name] = found
        except InitcliError as error:
            what = f"a part of the model: {error.message}; not read"
            yield Defect(Flaw.UNREADABLE, error, what, file=name)


def _check(metadata: Mapping[str, str], number: int, count: int, where: str) -> None:
    told = metadata.get(_NUMBER, str(number)), metadata.get(_COUNT)
    if told != (str(number), str(count)):
        message = f"part {number + 1} of {count} is another part by its metadata"
        raise MalformedError(message, where=where, hint=_HINT)


def _joined(parts: Sequence[OpenedFile], defects: list[Defect], where: str) -> OpenedFile:
    tensors = {name: each for part in parts for name, each in part.tensors.items()}
    flaws = [*defects, *(each for part in parts for each in part.defects)]
    if len(tensors) < sum(len(part.tensors) for part in parts):
        raise MalformedError("two parts have a tensor of the same name", where=where)
    told = parts[0].shard.metadata.get(_TENSORS, "") if parts else ""
    if told.isdecimal() and int(told) != len(tensors) and not flaws:
        message = f"the parts hold {len(tensors):,} tensors, and should hold {int(told):,}"
        raise MalformedError(message, where=where, hint=_HINT)
    if not parts:
        raise defects[0].error
    return replace(
        parts[0],
        tensors=tensors,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        defects=tuple(flaws),
        beside=tuple(part.shard for part in parts[1:]),
    )
