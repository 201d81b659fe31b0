"""Why a file cannot be read; what reading it may cost is held in tests/hostile."""

from __future__ import annotations

from pathlib import Path

from initcli.commands.stats import stats
from initcli.core.errors import InitcliError


def failures_of(path: Path, *, hashes: bool = True) -> tuple[InitcliError, ...]:
    """Returns why a file cannot be read, wholly or in part; nothing of one that can."""
    try:
        return stats(path, hashes=hashes).failures
    except InitcliError as error:
        return (error,)
