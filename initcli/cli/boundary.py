"""Where errors become messages and exit codes; nothing else exits.

Exit codes: 0 clean, 1 a check failed or a difference, 2 usage or unreadable input, 3 internal
error, 130 interrupted, 143 terminated, 141 the reader of the output went away.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

from initcli.cli.message import describe
from initcli.core.errors import InitcliError, WriteError
from initcli.core.text import visible

INTERNAL = 3
_CLOSED_PIPE = 13
# SIGPIPE too: Typer would turn a closed pipe into exit 1, which is for findings only.
_STOPPING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGPIPE") if hasattr(signal, name)
]


class Stopped(BaseException):
    """A signal asks the process to end; cleaning up happens on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.exit_code = 128 + number


def main() -> int:
    """Runs the command line.

    Returns:
        The exit code.
    """
    for number in _STOPPING:
        signal.signal(number, _stop)
    try:
        return _run()
    except Stopped as stopped:
        if stopped.number == _CLOSED_PIPE:
            _abandon_streams()
        return stopped.exit_code
    except InitcliError as error:
        return _report(describe(error), error.exit_code)
    except BrokenPipeError:
        _abandon_streams()
        return 128 + _CLOSED_PIPE
    except OSError as error:
        told = describe(WriteError(error.strerror or str(error), where=str(error.filename or "")))
        return _report(told, 2)
    except Exception as error:  # noqa: BLE001 - the last line of defence: exit 1 must mean a finding
        return _report(_internal(error), INTERNAL)


def _run() -> int:
    from initcli.cli.app import app

    if sys.stdout is None:
        raise WriteError("stdout is closed")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="initcli")
    except SystemExit as stopped:
        sys.stdout.flush()
        return stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    return 0


def _internal(error: Exception) -> str:
    if os.environ.get("INITCLI_TRACEBACK"):
        return "".join(traceback.format_exception(error))
    told = visible(f"{type(error).__name__}: {error}", 300)
    return (
        f"initcli: error E301: internal error: {told}\n"
        "  hint: please report it; INITCLI_TRACEBACK=1 shows where it happened"
    )


def _report(message: str, code: int) -> int:
    """Says why the process ends; the exit code stands even if nobody reads the message."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        print(message, file=sys.stderr)
    except OSError:
        _abandon_streams()
    return code


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signal's form
    signal.signal(number, signal.SIG_IGN)
    raise Stopped(number)


def _abandon_streams() -> None:
    """Keeps Python from flushing into a closed pipe on its way out."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            os.dup2(nowhere, stream.fileno())
