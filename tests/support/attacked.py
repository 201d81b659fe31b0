"""What becomes of a hostile file, and what it costs."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from initcli.commands.stats import stats
from initcli.core.errors import InitcliError
from initcli.core.text import visible

MOST_SECONDS = 10
MOST_MEMORY = 300 << 20


def failures_of(path: Path, *, hashes: bool = True) -> tuple[InitcliError, ...]:
    """Returns why a file cannot be read, wholly or in part; nothing of one that can.

    Whatever it holds, it must cost little, and be told in words that no input can bend.
    """
    # Of the processor: a shared runner's clock goes on while others work.
    began, peak = time.process_time(), _peak()
    try:
        failures = stats(path, hashes=hashes).failures
    except InitcliError as error:
        failures = (error,)
    assert time.process_time() - began < MOST_SECONDS
    assert _peak() - peak < MOST_MEMORY
    for each in failures:
        assert each.exit_code == 2
        told = (each.message, each.where, each.hint)
        assert all(visible(text) == text for text in told), told
        assert sum(map(len, told)) < 1000, told
    return failures


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
