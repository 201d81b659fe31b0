"""Hidden places in which output grows, and what writers that were killed left of theirs.

A writer holds a lock on its place, which the system lifts when the process ends, however it ends:
by it the next writer tells what is left over from what is being written.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# In characters, of which one may take four of the 255 bytes a name may have.
_LONGEST_STEM = 50
_HIDDEN = re.compile(r"\.(.*)\.[0-9a-f]{12}\.initcli\.tmp", re.DOTALL)


@contextmanager
def hidden_place(directory: Path, name: str, make: Callable[[Path], object]) -> Iterator[Path]:
    """Yields a place no other writer has, for what will be called `name`; nothing of it stays.

    What is left of writers of the same name goes too.

    Args:
        directory: Where it lies.
        name: What takes its name later.
        make: Makes a file or directory there, and fails if there is one.

    Raises:
        OSError: The system refused.
    """
    _reclaim(directory, name)
    place = directory / f".{name[:_LONGEST_STEM]}.{secrets.token_hex(6)}.initcli.tmp"
    descriptor = None
    try:
        # Another writer, starting now, may take it for left over before it is locked.
        while not place.exists():
            make(place)
            with suppress(FileNotFoundError):
                descriptor = _lock(place)
        yield place
    finally:
        _remove(place)
        if descriptor is not None:
            os.close(descriptor)


def is_hidden(name: str) -> bool:
    """Whether a name is that of a hidden place."""
    return bool(_HIDDEN.fullmatch(name))


def _reclaim(directory: Path, name: str) -> None:
    stem = name[:_LONGEST_STEM]
    # What is another's, or being written, or cannot be listed stays: its name says what it is.
    with suppress(PermissionError):
        for entry in directory.iterdir():
            found = _HIDDEN.fullmatch(entry.name)
            if found and found[1] == stem:
                with suppress(OSError):
                    _remove_left_over(entry)


def _remove_left_over(path: Path) -> None:
    mode = os.lstat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return
    descriptor = _lock(path, at_once=True)
    if descriptor is not None:
        _remove(path)
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


if sys.platform == "win32":
    # An open file could not be renamed.
    def _lock(path: Path, *, at_once: bool = False) -> int | None:  # noqa: ARG001
        return None

else:
    import fcntl

    def _lock(path: Path, *, at_once: bool = False) -> int | None:
        """Returns a descriptor that holds a lock; None where a file system has none.

        Args:
            path: What is locked.
            at_once: Whether not to wait for whoever holds it.

        Raises:
            FileNotFoundError: Nothing is there any more.
            BlockingIOError: Another process holds it.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB * at_once)
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError) and not isinstance(error, BlockingIOError):
                return None
            raise
        return descriptor
