"""Paths at which no file lies that could be read."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from cases import SOUND, Case, case
from headers import SOUND_FILE
from indexes import link

NAMES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", ".metadata")


def _socket(path: Path) -> None:
    # Its name may be longer than a socket's address holds, and it lies there however it is called.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as each:
            each.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(size: int) -> object:
    return lambda path: (path.touch(), os.truncate(path, size))


def hostile_paths() -> Iterator[Case]:
    """Yields what is no regular file, or holds nothing."""
    yield case("sound", SOUND_FILE, SOUND)
    for name in ("/dev/zero", "/dev/null", "/dev/full", "/dev/stdin", "/dev/tty", "/proc/self/mem"):
        if os.path.lexists(name):
            yield case(f"a link to {name}", link(name))
    yield case("a FIFO", os.mkfifo)
    yield case("a socket", _socket)
    yield case("a link to itself", link("w"))
    yield case("a link to nowhere", link("absent"))
    yield case("a link to its own directory", link("."))
    yield case(
        "a link of 5,000 characters", lambda path: path.symlink_to("x" * 255 + "/" + "y" * 3000)
    )
    yield case("nothing in a file", b"")
    yield case("nothing in a directory", {})
    for size in (1, 8, 1 << 20, 1 << 40):
        yield case(f"{size} zeros", _sparse(size))
    for name in NAMES:
        yield case(f"a directory with a directory {name}", {name: {}})
        yield case(f"a directory with a FIFO {name}", {name: os.mkfifo})
        yield case(f"a directory with a socket {name}", {name: _socket})
        yield case(f"a directory with a device {name}", {name: link("/dev/zero")})
        yield case(f"a directory with a loop {name}", {name: link(name)})
        yield case(f"a directory with nothing in {name}", {name: b""})
    yield case(
        "two files of one family", {"a.safetensors": SOUND_FILE, "b.safetensors": SOUND_FILE}
    )
