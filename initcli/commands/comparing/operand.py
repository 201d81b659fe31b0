"""One of the checkpoints that are compared: its tensors by the names they are joined by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from initcli.checks.contents import Contents
from initcli.core.errors import InitcliError
from initcli.core.text import visible
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor
from initcli.formats.storage.defect import errors_of
from initcli.recipes.renames import Rename, idle, new_names


@dataclass(frozen=True)
class Operand:
    """A checkpoint, and what its names became.

    Attributes:
        checkpoint: Where the values lie.
        names: Its own name of every tensor, and of every tied one, to the name it is joined by.
        notes: What the reader should know of how it was opened and renamed.
    """

    checkpoint: Checkpoint
    names: Mapping[str, str]
    notes: tuple[str, ...] = field(default=())

    @property
    def failures(self) -> tuple[InitcliError, ...]:
        """What whoever needs all of it is told: the first error of each code."""
        return errors_of(self.checkpoint.defects)

    @property
    def contents(self) -> Contents:
        """The checkpoint as a whole, for checks."""
        opened = self.checkpoint
        return Contents(str(opened.path), (), opened.defects, unread=opened.unread)

    @cached_property
    def tensors(self) -> dict[str, StoredTensor]:
        """Every tensor by the name it is joined by, in file order; its spec has its own name."""
        return {self.names[own]: tensor for own, tensor in self.checkpoint.tensors.items()}

    @cached_property
    def ties(self) -> dict[str, str]:
        """Alias to stored name, both as they are joined by."""
        return {self.names[alias]: self.names[name] for alias, name in self.checkpoint.ties.items()}

    @cached_property
    def _own(self) -> dict[str, str]:
        return {new: own for own, new in self.names.items()}

    def find(self, name: str) -> StoredTensor | None:
        """Returns the tensor of a name, or the one that is tied to it."""
        return self.tensors.get(name) or self.tensors.get(self.ties.get(name, name))

    def own_name(self, name: str) -> str:
        """Returns what the checkpoint itself calls a tensor."""
        return self._own.get(name, name)

    def renamed(self, renames: Sequence[Rename]) -> Operand:
        """Returns it under further renames.

        Raises:
            OptionError: Two tensors would have one name.
        """
        stored = new_names(renames, self.tensors)
        ties = {alias: _tied(renames, alias) for alias in self.ties}
        became = {**ties, **stored}
        return replace(self, names={own: became[name] for own, name in self.names.items()})

    def called(self, names: Mapping[str, str]) -> Operand:
        """Returns it with some tensors under other names that nothing has yet."""
        return replace(self, names={own: names.get(name, name) for own, name in self.names.items()})

    def unused(self, renames: Sequence[Rename]) -> tuple[str, ...]:
        """Returns a note on each rename that changes no name."""
        return tuple(
            f"--map {visible(each.text, 200)} changes no name of {self.checkpoint.path}"
            for each in idle(renames, [*self.tensors, *self.ties])
        )


def _tied(renames: Sequence[Rename], alias: str) -> str:
    return next(iter(new_names(renames, [alias]).values()))


def open_operand(
    path: str | Path, renames: Sequence[Rename] = (), *, include_optimizer: bool = False
) -> Operand:
    """Opens what is sound of a checkpoint to be compared, and renames its tensors.

    Args:
        path: What the user named.
        renames: What names become.
        include_optimizer: Whether an optimizer's state is compared too.

    Raises:
        InitcliError: It cannot be read, or two of its tensors would have one name.
    """
    checkpoint = open_checkpoint(path, lenient=True, include_optimizer=include_optimizer)
    own: Iterable[str] = (*checkpoint.ties, *checkpoint.tensors)
    plain = Operand(checkpoint, {name: name for name in own}, checkpoint.notes)
    if not renames:
        return plain
    return replace(plain.renamed(renames), notes=(*plain.notes, *plain.unused(renames)))
