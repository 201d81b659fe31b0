"""When Python's garbage collector is of use, and when not."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Lets work that keeps all it makes run without the collector, which would find nothing.

    It walks the more objects the more there are: half of the time that a large header takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Whoever disabled it before, another thread in here too, enables it again.
        if was_enabled:
            gc.enable()
