"""What the engine measures, as mappings by name."""

from __future__ import annotations

from collections.abc import Collection

from initcli.engine.stream import portraits
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.statistics.summary import Summary


def summaries(
    checkpoint: Checkpoint, names: Collection[str], jobs: int
) -> dict[str, Summary | None]:
    """Returns each tensor's summary; None where its dtype is not decoded."""
    found = dict(portraits(checkpoint, names, jobs))
    return {name: portrait.summary if portrait else None for name, portrait in found.items()}
