"""Shows on a terminal how far work has come: bytes, rate and time left."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PATIENCE = 1.0
_PERIOD = 0.1


class TerminalProgress:
    """A bar that appears once work takes long, and is gone when work is done.

    A thread of its own draws it, so that whoever works only counts, and work that hangs still
    shows that it does.

    Args:
        stream: The terminal.
        patience: Seconds before anything is shown.

    Attributes:
        total: The bytes that were announced.
        done: Those of them that are done.
    """

    def __init__(self, stream: TextIO, patience: float = _PATIENCE) -> None:
        self._stream = stream
        self._patience = patience
        self.total = self.done = 0
        self._counting = threading.Lock()
        self._is_over = threading.Event()
        self._drawing: threading.Thread | None = None

    def start(self, total: int) -> None:
        """Announces bytes to be worked through, and begins to wait; more may be announced."""
        with self._counting:
            self.total += total
        if self._drawing is None:
            self._drawing = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._drawing.start()

    def advance(self, count: int) -> None:
        """Counts bytes as done; any thread may call it, and often."""
        with self._counting:
            self.done += count

    def finish(self) -> None:
        """Takes the bar away; calling it again does nothing."""
        self._is_over.set()
        if self._drawing is not None:
            self._drawing.join()

    def _draw(self) -> None:
        if self._is_over.wait(self._patience):
            return
        # A terminal that went away must not turn into a failure of the work.
        with suppress(OSError), _bar(self._stream) as bar:
            task = bar.add_task("", total=None)
            while not self._is_over.wait(_PERIOD):
                bar.update(task, completed=self.done, total=self.total)
                bar.refresh()


def _bar(stream: TextIO) -> Bar:
    """Returns rich's bar, imported only now that it is needed."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(file=stream),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
