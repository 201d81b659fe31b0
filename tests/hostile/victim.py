"""Runs commands on hostile files in turn, and tells what each did: a program of its own.

It reads the arguments of one command a line, as JSON, and answers with one line. A command that
hangs, or is killed, takes this program with it, whose silence then says so.
"""

from __future__ import annotations

import io
import json
import re
import signal
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import typer.main

SECONDS = 20, 200  # of the processor, and of a machine on which others work
HARMFUL = ("socket.", "subprocess.", "urllib.", "pickle.", "shutil.", "webbrowser.")
CHANGING = "chmod exec fork forkpty kill link mkdir posix_spawn remove rename rmdir symlink system"
HARM = {f"os.{word}" for word in f"{CHANGING} truncate utime".split()}
FOREIGN = {"antigravity", "this", "torch"}
PEAK = Path("/proc/self/clear_refs")
OWN = [Path(entry or ".").resolve() for entry in (*sys.path, sys.prefix, sys.base_prefix)]
# An editable install lies elsewhere.
OWN += [Path(place) for place in find_spec("initcli").submodule_search_locations or ()]
OWN += [Path(place) for place in ("/proc", "/sys", "/dev/null", "/dev/urandom", "/etc/ld.so.cache")]

done: list[str] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Notes what reaches beyond the file that was named; Python tells of it, whoever asks."""
    if event == "open" and isinstance(arguments[0], str | bytes):
        touch(arguments[0], arguments[2])
    elif event.startswith(HARMFUL) or event in HARM:
        done.append(f"{event} {arguments!r}"[:200])


def touch(name: str | bytes, flags: object) -> None:
    """Notes a file that is opened to be written, or lies elsewhere."""
    path = Path(name.decode(errors="replace") if isinstance(name, bytes) else name)
    writes = isinstance(flags, int) and flags & 3
    # As it is named, and not where links lead: the Hub's cache is links.
    absolute = Path.cwd() / path
    is_near = ".." not in path.parts and any(map(absolute.is_relative_to, [Path.cwd(), *OWN]))
    if writes or not is_near:
        done.append(f"open {str(path)[:150]!r}")


def answer(arguments: list[str]) -> dict[str, object]:
    """Runs a command, and returns how it ended and what it cost."""
    from initcli.cli.boundary import main

    sys.argv = ["initcli", *arguments]
    forget_peak()
    done.clear()
    out, err, began = io.StringIO(), io.StringIO(), time.process_time()
    with redirect_stdout(out), redirect_stderr(err):
        code = main()
    foreign = sorted(FOREIGN & set(sys.modules))
    return {
        "code": code,
        "seconds": time.process_time() - began,
        "peak": peak(),
        "out": out.getvalue(),
        "err": err.getvalue(),
        "did": [*done, *foreign],
    }


def forget_peak() -> None:
    if PEAK.exists():
        with PEAK.open("w") as file:
            file.write("5")


def peak() -> int:
    """Returns the most MiB that were held since they were last asked for; 0 if nobody knows."""
    if not PEAK.exists():
        return 0
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(told[1]) >> 10 if told else 0


if __name__ == "__main__":
    # Else it is put together anew each time, which is most of what a small file costs.
    typer.main.get_command = cache(typer.main.get_command)
    sys.addaudithook(watch)
    for line in sys.stdin:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_PROF, SECONDS[0])
            signal.setitimer(signal.ITIMER_REAL, SECONDS[1])
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()
