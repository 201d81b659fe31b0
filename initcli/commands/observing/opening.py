"""Opens every checkpoint that a command is given, and what can be read of a broken one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from initcli.core.errors import InitcliError, PatternError, without_frames
from initcli.core.text import some, visible
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.defect import Defect, Flaw, errors_of
from initcli.recipes.selector import Selector
from initcli.reports.stats import Opened


@dataclass(frozen=True, slots=True)
class Opening:
    """What came of opening paths.

    Attributes:
        checkpoints: What can be read, in the order of the paths.
        refused: The paths of which nothing can, and why.
    """

    checkpoints: tuple[Checkpoint, ...]
    refused: Mapping[Path, InitcliError]

    @property
    def defects(self) -> dict[str, tuple[Defect, ...]]:
        """What is broken, by the path as the user gave it."""
        broken = {str(each.path): each.defects for each in self.checkpoints}
        return broken | {
            str(path): (Defect(Flaw.UNREADABLE, error, _told(path, error)),)
            for path, error in self.refused.items()
        }

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return tuple(chain(*(each.files for each in self.checkpoints)))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know of how paths were understood."""
        return tuple(chain(*((*each.notes, *_tied(each)) for each in self.checkpoints)))

    @property
    def described(self) -> tuple[Opened, ...]:
        """What was opened, for a report."""
        return tuple(map(_described, self.checkpoints))

    def choose(self, selector: Selector) -> set[str]:
        """Returns the stored names that are chosen among those of all checkpoints.

        Raises:
            PatternError: A pattern is malformed or matches nothing, or nothing is left.
            InitcliError: It matches nothing of what could be read, and not all could.
        """
        ties = {alias: name for each in self.checkpoints for alias, name in each.ties.items()}
        names = chain(*(each.tensors for each in self.checkpoints))
        try:
            return set(selector.choose_tied(names, ties))
        except PatternError as error:
            raise next(iter(self.failures), error) from None

    def count(self, chosen: Collection[str]) -> int:
        """Returns how many tensors of these names hold values that a scheme could have drawn."""
        return sum(
            spec.dtype.is_drawable and spec.parameters > 0
            for each in self.checkpoints
            for name, spec in each.specs.items()
            if name in chosen
        )

    def size_of(self, chosen: Collection[str]) -> int:
        """Returns the bytes of all tensors of these names that can be decoded."""
        return sum(
            spec.nbytes
            for each in self.checkpoints
            for name, spec in each.specs.items()
            if name in chosen and spec.dtype.is_decoded
        )

    @property
    def failures(self) -> tuple[InitcliError, ...]:
        """What whoever needs all of it is told: of every path, the first error of each code."""
        return tuple(chain(*map(errors_of, self.defects.values())))


def open_all(paths: Sequence[str | Path], *, include_optimizer: bool = False) -> Opening:
    """Opens each path once, and as much of it as is sound.

    Args:
        paths: What the user named.
        include_optimizer: Whether an optimizer's state counts as tensors too.

    Raises:
        InitcliError: Nothing can be read of any; told of the first.
    """
    checkpoints: list[Checkpoint] = []
    refused: dict[Path, InitcliError] = {}
    for path in dict.fromkeys(map(Path, paths)):
        try:
            opened = open_checkpoint(path, lenient=True, include_optimizer=include_optimizer)
            checkpoints.append(opened)
        except InitcliError as error:
            refused[path] = without_frames(error)
    if not checkpoints:
        raise next(iter(refused.values()))
    return Opening(tuple(checkpoints), refused)


def _tied(checkpoint: Checkpoint) -> list[str]:
    """Says which names are further ones of tensors that are shown once."""
    tied = [
        f"{visible(alias, 80)} is {visible(name, 80)}" for alias, name in checkpoint.ties.items()
    ]
    return [f"tied: {some(tied)}"] if tied else []


def _told(path: Path, error: InitcliError) -> str:
    return f"{visible(path.name, 120)}: {error.message}; nothing of it is read"


def _described(checkpoint: Checkpoint) -> Opened:
    return Opened(
        str(checkpoint.path),
        len(checkpoint.shards),
        len(checkpoint.tensors),
        sum(shard.size for shard in checkpoint.shards),
        checkpoint.metadata,
    )
