"""What a command spends: seconds, processor seconds and memory, of its process alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shell import neutral_environment

# A process inherits the peak of whoever starts it, so that a small one must.
_LAUNCH = """
import json, os, sys, time
report, *command = sys.argv[1:]
began = time.perf_counter()
nothing = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
process = os.posix_spawn(command[0], command, os.environ, file_actions=nothing)
_, status, used = os.wait4(process, 0)
wall = time.perf_counter() - began
unit = 1 if sys.platform == "darwin" else 1024
with open(report, "w") as file:
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * unit
    json.dump([os.waitstatus_to_exitcode(status), wall, cpu, peak], file)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run of a command took.

    Attributes:
        wall: Seconds.
        cpu: Seconds of all its threads, the system's included.
        peak: The most memory it held at once, in MB.
    """

    wall: float
    cpu: float
    peak: float


def spent(directory: Path, *command: str | Path, env: dict[str, str] | None = None) -> Spent:
    """Runs a command, whose output goes nowhere, and returns what it took.

    Args:
        directory: Where it runs, and a report of a few bytes is left.
        command: A program by its path, and its arguments.
        env: What is set beside the environment.
    """
    report = directory / "spent.json"
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, report, *command]
    settings = neutral_environment(**(env or {}))
    subprocess.run(launch, cwd=directory, env=settings, check=True)
    code, wall, cpu, peak = json.loads(report.read_text())
    assert code in {0, 1}, f"{command} ended with {code}"
    return Spent(wall, cpu, peak / 1e6)
