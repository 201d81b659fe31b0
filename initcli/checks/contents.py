"""All that was learnt of a checkpoint as a whole: what a check of more than one tensor looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from initcli.core.text import role_of
from initcli.theory.peers import FEWEST

if TYPE_CHECKING:
    from initcli.checks.matching import Match
    from initcli.checks.observation import Observation
    from initcli.formats.storage.defect import Defect


@dataclass(frozen=True, slots=True)
class StoredTie:
    """Two names that are declared to be one tensor, and of which each has bytes of its own.

    Attributes:
        alias: The name that is tied.
        name: What it is tied to.
        by: Who declares it.
        difference: How the two differ; empty if they do not, None if that was not looked at.
    """

    alias: str
    name: str
    by: str
    difference: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """A checkpoint's tensors together.

    Attributes:
        checkpoint: The path as the user gave it.
        seen: Every tensor that was looked at, in the checkpoint's order.
        defects: What is broken beside what is sound.
        unread: What is there and was not read, and why, by name.
        ties: Declared ties that are stored twice.
        match: The checkpoint beside the model that it is said to be of; None without one.
        is_empty: Whether it is sound and holds no tensor.
        is_sharded: Whether an index says where its tensors are.
    """

    checkpoint: str
    seen: Sequence[Observation]
    defects: Sequence[Defect] = ()
    ties: Sequence[StoredTie] = ()
    match: Match | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    is_empty: bool = False
    is_sharded: bool = False

    @property
    def has_peers(self) -> bool:
        """Whether enough tensors have names that differ by their numbers only."""
        patterns = Counter(role_of(each.tensor) for each in self.seen)
        return max(patterns.values(), default=0) >= FEWEST

    @property
    def has_identities(self) -> bool:
        """Whether it was asked which initialisations tensors carry."""
        return any(each.identity for each in self.seen)

    @property
    def tensor(self) -> str:
        """Empty: it is more than one."""
        return ""
