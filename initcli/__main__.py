"""Runs the command line: `python -m initcli`, or the installed `initcli`."""

from __future__ import annotations

import signal

# Until the boundary takes over, an interrupt ends the process without an import's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import gc  # noqa: E402
import sys  # noqa: E402

from initcli.cli.boundary import main  # noqa: E402

_OBJECTS = 50_000


def run() -> None:
    """Runs the command line and ends the process."""
    # By default a report of 100,000 rows is walked dozens of times, and nothing in it is garbage.
    gc.set_threshold(_OBJECTS)
    sys.exit(main())


if __name__ == "__main__":
    run()
