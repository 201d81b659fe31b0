"""Reads settings: `initcli.toml`, or `[tool.initcli]` of a `pyproject.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from initcli.commands.gating.settings import Settings, settings_of
from initcli.core.errors import SettingsError
from initcli.core.text import visible

OWN = "initcli.toml"
SHARED = "pyproject.toml"
# What a project's root holds: settings above it are another project's.
_ROOT = ".git"
# No settings that a person wrote come near.
_LONGEST = 1 << 20


def find_settings(directory: Path) -> Path | None:
    """Returns the settings that hold in a directory: its own, or the nearest above in its project.

    An `initcli.toml` goes before a `pyproject.toml`, and one without `[tool.initcli]` is none.

    Raises:
        SettingsError: A `pyproject.toml` on the way cannot be read.
    """
    for place in (directory, *directory.parents):
        if (place / OWN).is_file():
            return place / OWN
        if (place / SHARED).is_file() and _table(place / SHARED) is not None:
            return place / SHARED
        if (place / _ROOT).exists():
            return None
    return None


def read_settings(path: Path) -> Settings:
    """Returns what a file says.

    Raises:
        SettingsError: It cannot be read, or says something that means nothing.
    """
    table = _table(path)
    where = visible(str(path), 300)
    if table is None:
        raise SettingsError("it has no table [tool.initcli]", where=where)
    return settings_of(table, where)


def _table(path: Path) -> Mapping[str, object] | None:
    table = _toml(path)
    if path.name != SHARED:
        return table
    tool = table.get("tool", {})
    found = tool.get("initcli") if isinstance(tool, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _toml(path: Path) -> Mapping[str, object]:
    where = visible(str(path), 300)
    try:
        with path.open("rb") as file:
            raw = file.read(_LONGEST + 1)
        if len(raw) > _LONGEST:
            raise SettingsError("longer than a mebibyte", where=where)
        return tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        raise SettingsError(reason, where=where) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"not TOML: {visible(str(error), 120)}", where=where) from error
