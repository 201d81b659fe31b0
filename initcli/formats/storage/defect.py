"""What is broken in a checkpoint of which the rest can still be read."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from initcli.core.errors import InitcliError, without_frames


class Flaw(enum.Enum):
    """The kinds of what may be broken."""

    DISAGREEMENT = "index and shards disagree"
    DOUBLED = "a name in two shards"
    UNREADABLE = "an unreadable file"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is broken.

    Attributes:
        flaw: Of which kind.
        error: What whoever needs the whole checkpoint is told.
        what: What is broken, of the tensor or file.
        tensor: The tensor's name; empty for a file.
        file: The name of the file that cannot be read; empty for a tensor.
    """

    flaw: Flaw
    error: InitcliError
    what: str
    tensor: str = ""
    file: str = ""


def unreadable(tensor: str, error: InitcliError) -> Defect:
    """Returns the defect of a tensor that cannot be read."""
    return Defect(Flaw.UNREADABLE, error, f"{error.message}; not read", tensor=tensor)


Tell = Callable[[Defect], None]
"""Takes note of a defect, or refuses to go on."""


# A lenient reader gives up here: what is so far apart is no checkpoint with a defect.
MOST = 10_000


def taking_note(defects: list[Defect]) -> Tell:
    """Returns what adds to a list, and refuses to go on once that is too long."""

    def tell(defect: Defect) -> None:
        if len(defects) == MOST:
            refuse(defects[0])
        without_frames(defect.error)
        defects.append(defect)

    return tell


def refuse(defect: Defect) -> NoReturn:
    """Raises what is broken: nothing less than the whole will do."""
    raise defect.error


def errors_of(defects: Sequence[Defect]) -> tuple[InitcliError, ...]:
    """Returns the first error of each code."""
    return tuple({each.error.code: each.error for each in reversed(defects)}.values())
