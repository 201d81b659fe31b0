"""Runs the installed command as a user's shell or a CI script would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_models"
COMMAND = Path(sys.executable).with_name("initcli")
_NEUTRAL = {
    "NO_COLOR",
    "FORCE_COLOR",
    "COLUMNS",
    "TERM",
    "INITCLI_TRACEBACK",
    "PYTHONPATH",
    "GITHUB_STEP_SUMMARY",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


def neutral_environment(**extra: str) -> dict[str, str]:
    """Returns the environment without what would change how output looks."""
    kept = {name: value for name, value in os.environ.items() if name not in _NEUTRAL}
    return kept | {"PYTHONUTF8": "1"} | extra


def run_command(
    directory: Path, *arguments: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `initcli` in a directory, stdout and stderr apart."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        cwd=directory,
        env=neutral_environment(**(env or {})),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
