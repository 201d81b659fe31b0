"""The files beside a model that hold its tensors' values, and none that lies elsewhere.

Source: https://github.com/onnx/onnx/blob/v1.19.0/docs/ExternalData.md
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from initcli.core.errors import InitcliError, MalformedError, MissingError, TruncatedError
from initcli.core.text import visible
from initcli.formats.plain_name import is_plain_name
from initcli.formats.storage.checkpoint import Shard, open_regular

_HINT = "data lie beside their model, or in directories there"


class Beside:
    """The files that a model has named so far.

    Args:
        directory: That of the model.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[Path, Shard | InitcliError] = {}

    @property
    def shards(self) -> Iterable[Shard]:
        """Those that can be read."""
        return (each for each in self._files.values() if isinstance(each, Shard))

    def place(self, told: Mapping[str, str], nbytes: int, where: str) -> tuple[Shard, int]:
        """Returns the file that holds a tensor's values, and their address.

        Args:
            told: What the tensor says of it.
            nbytes: How many bytes it takes.
            where: The tensor, as messages name it.

        Raises:
            MalformedError: It makes no sense, or leads out of the model's directory.
            TruncatedError: The file ends before the values do.
            MissingError: The file cannot be opened.
        """
        if not told.get("location"):
            raise MalformedError("its values lie in another file, which is not named", where=where)
        shard = self._file(self._path(told["location"], where), where)
        offset = _number(told.get("offset", "0"), where)
        length = _number(told.get("length", str(nbytes)), where)
        if length != nbytes:
            raise MalformedError(f"needs {nbytes:,} bytes, not {length:,}", where=where)
        if offset + length > shard.size:
            message = f"external data end at byte {offset + length:,}, and the file before"
            raise TruncatedError(message, where=where, hint="fetch or copy the file again")
        return shard, offset

    def _path(self, location: str, where: str) -> Path:
        parts = [part for part in location.split("/") if part != "."]
        if not all(map(is_plain_name, parts)) or not parts:
            message = f"external data in {visible(location, 80)}, which leads elsewhere"
            raise MalformedError(message, where=where, hint=_HINT)
        path = self._directory.joinpath(*parts)
        if not path.parent.resolve().is_relative_to(self._directory.resolve()):
            message = f"external data in {visible(location, 80)}, by a link that leads elsewhere"
            raise MalformedError(message, where=where, hint=_HINT)
        return path

    def _file(self, path: Path, where: str) -> Shard:
        if path not in self._files:
            self._files[path] = _shard_or_error(path)
        found = self._files[path]
        if isinstance(found, InitcliError):
            message = f"external data in {visible(path.name, 80)}: {found.message}"
            raise MissingError(message, where=where, hint=_HINT) from found
        return found


def _shard_or_error(path: Path) -> Shard | InitcliError:
    try:
        descriptor, size, identity = open_regular(path)
    except InitcliError as error:
        return error
    os.close(descriptor)
    return Shard(path, size, identity)


def _number(text: str, where: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(1 << 63)):
        raise MalformedError(f"{visible(text, 40)} is no natural number", where=where)
    return int(text)
