"""Runs the command line: `python -m initcli`, or the installed `initcli`."""

from __future__ import annotations

import signal

# Until the boundary takes over, an interrupt ends the process without an import's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

import sys  # noqa: E402

from initcli.cli.boundary import main  # noqa: E402


def run() -> None:
    """Runs the command line and ends the process."""
    sys.exit(main())


if __name__ == "__main__":
    run()
