"""The model's configuration that lies beside its weights."""

from __future__ import annotations

import os
from pathlib import Path

from initcli.core.errors import MalformedError
from initcli.core.text import visible
from initcli.formats.json.strict import parse_object
from initcli.formats.storage.checkpoint import open_regular

NAME = "config.json"
# Configurations that name every token or label of a large vocabulary stay far below.
_LONGEST = 64 << 20


def read_config(directory: Path) -> dict[str, object]:
    """Returns what `config.json` in a directory says; nothing if there is none.

    Raises:
        MissingError: It cannot be read.
        MalformedError: It is no JSON object, or too long for a configuration.
    """
    path = directory / NAME
    return read_config_file(path) if path.exists() else {}


def read_config_file(path: Path) -> dict[str, object]:
    """Returns what a configuration says.

    Raises:
        MissingError: It cannot be read.
        MalformedError: It is no JSON object, or too long for a configuration.
    """
    where = visible(str(path), 300)
    descriptor, size, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > _LONGEST:
            raise MalformedError(f"a configuration of {size:,} bytes", where=where)
        return parse_object(file.read(_LONGEST), where)
