"""What becomes of hostile files, and what each costs: the one harness of all of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from cases import Case, Content
from shell import neutral_environment

MOST_SECONDS = 10  # of the processor: a shared machine may pause
MOST_MEBIBYTES = 300
LONGEST_MESSAGE = 1000
WHERE = "w"
VICTIM = Path(__file__).with_name("victim.py")
_KINDS = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # not spaces of any width
_ACTING = (chr(code) for code in range(sys.maxunicode + 1) if category(chr(code)) in _KINDS)
_ACTS = re.compile(f"[{''.join(map(re.escape, _ACTING))}]")
"""Whatever moves the cursor, turns the direction of text, or is not seen."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended.

    Attributes:
        code: With which exit code; None if its process was killed.
        seconds: Of the processor.
        peak: MiB beyond those of a sound file; 0 where the system does not tell.
        out: What it wrote to stdout.
        err: What it wrote to stderr.
        did: What reached beyond the file that was named.
    """

    code: int | None
    seconds: float = 0
    peak: int = 0
    out: str = ""
    err: str = ""
    did: tuple[str, ...] = ()


def endings(
    cases: Iterable[Case], directory: Path, *arguments: str
) -> Iterator[tuple[Case, Ending]]:
    """Yields how a command on each case ends, in one process after the other.

    Args:
        cases: What is laid at `WHERE`, one after the other. The first is sound: it imports what
            reading needs, and its memory is not counted.
        directory: Where the command runs; nothing else may appear in it.
        arguments: The command's.
    """
    cases = iter(cases)
    first = next(cases)
    process = _victim(directory)
    before = _ending(process, directory, first, arguments, 0)
    assert before.code == 0, (first.name, before)
    for case in cases:
        ending = _ending(process, directory, case, arguments, before.peak)
        yield case, ending
        if ending.code is None:
            process.communicate()
            process = _victim(directory)
            _ending(process, directory, first, arguments, 0)
    process.communicate()


def _victim(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, VICTIM],
        cwd=directory,
        env=neutral_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _ending(
    process: subprocess.Popen[str],
    directory: Path,
    case: Case,
    arguments: tuple[str, ...],
    before: int,
) -> Ending:
    assert process.stdin is not None
    assert process.stdout is not None
    lay(directory / WHERE, case.make())
    process.stdin.write(json.dumps(arguments) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    left = tuple(entry.name for entry in directory.iterdir() if entry.name != WHERE)
    clear(directory)
    if not answer:
        return Ending(None, did=left)
    told = json.loads(answer)
    return Ending(**told | {"peak": told["peak"] - before, "did": (*told["did"], *left)})


def lay(path: Path, content: Content) -> None:
    """Makes a file, a directory of files, or whatever the case makes itself."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, Mapping):
        path.mkdir()
        for name, each in content.items():
            lay(path / name, each)
    else:
        content(path)


def clear(directory: Path) -> None:
    """Removes everything, without following a link."""
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def faults_of(case: Case, ending: Ending) -> list[str]:
    """Returns in which ways a command ended as it should not."""
    messages = ending.err.split("initcli: error ")[1:]
    lines = (ending.out + ending.err).split("\n")
    found = {
        f"exit {ending.code}, {messages[:1]}": ending.code not in case.exits,
        f"{ending.seconds:.1f} s": ending.seconds > MOST_SECONDS,
        f"{ending.peak} MiB": ending.peak > MOST_MEBIBYTES,
        f"it did {ending.did}": bool(ending.did),
        "a traceback": "Traceback" in ending.err,
        "no message": ending.code == 2 and not messages,
        "a long message": max(map(len, messages), default=0) > LONGEST_MESSAGE,
        "a control character": any(map(_ACTS.search, lines)),
        "a line that a CI runner obeys": any(line.startswith("::") for line in lines),
    }
    return [fault for fault, is_so in found.items() if is_so]
