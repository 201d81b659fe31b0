"""What a run is to find out of every tensor."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.core.progress import Progress
from initcli.engine.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Request:
    """What to find out of every tensor.

    Attributes:
        wanted: What to learn of values in the one pass.
        jobs: Threads.
        progress: Told of what is read.
        values: Whether values are read at all, and not headers only.
        spectrum: Whether singular values are computed, for which matrices are read again.
    """

    wanted: Wanted
    jobs: int
    progress: Progress
    values: bool = True
    spectrum: bool = False
