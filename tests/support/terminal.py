"""Runs Python with a terminal for stderr, and says what is left on its screen."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from shell import neutral_environment

_CODE = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+")


@dataclass(frozen=True)
class Ended:
    """A process that ended.

    Attributes:
        code: Its exit code.
        stdout: What it wrote to stdout, a pipe.
        written: All that it wrote to its terminal.
    """

    code: int
    stdout: str
    written: str

    @property
    def screen(self) -> str:
        """What is left on the terminal."""
        return screen_of(self.written)


def screen_of(written: str) -> str:
    """Plays the few control codes that a bar needs."""
    lines, row, column = {0: ""}, 0, 0
    for code in _CODE.findall(written):
        if code in {"\r", "\n"}:
            row, column = row + (code == "\n"), 0
        elif code.startswith("\x1b"):
            row -= int(code[2:-1] or 1) if code.endswith("A") else 0
            lines |= {row: ""} if code.endswith("K") else {}
        else:
            line = lines.get(row, "").ljust(column)
            lines[row] = line[:column] + code + line[column + len(code) :]
            column += len(code)
    return "\n".join(lines[place] for place in sorted(lines)).strip()


def run_on_terminal(
    directory: Path,
    script: str,
    *,
    stop_at: str = "",
    number: int = signal.SIGTERM,
    term: str = "xterm",
) -> Ended:
    """Runs a script; once its terminal shows `stop_at` it is sent a signal."""
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=directory,
        env=neutral_environment(TERM=term),
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    written = ""
    while part := _read(ours):
        written += part
        if stop_at and stop_at in written:
            child.send_signal(number)
            stop_at = ""
    stdout, _ = child.communicate(timeout=60)
    os.close(ours)
    return Ended(child.returncode, stdout, written)


def _read(terminal: int) -> str:
    try:
        return os.read(terminal, 1 << 16).decode(errors="replace")
    except OSError:  # how Linux says that nobody writes any more
        return ""
