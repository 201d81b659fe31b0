"""Runs the command line: `python -m initcli`, or the installed `initcli`."""

from __future__ import annotations

import sys

from initcli.cli.boundary import main


def run() -> None:
    """Runs the command line and ends the process."""
    sys.exit(main())


if __name__ == "__main__":
    run()
