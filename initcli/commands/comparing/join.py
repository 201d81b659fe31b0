"""What is held against what: the rows of a comparison before any value is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from initcli.engine.shifts import Sides
from initcli.engine.views import View
from initcli.formats.storage.checkpoint import StoredTensor

TRANSPOSED, FUSED = "transposed", "fused"


@dataclass(frozen=True, slots=True)
class Way:
    """One way of holding two tensors against each other that their shapes allow.

    Attributes:
        a: What of A's tensor.
        b: What of B's, with as many rows and columns.
        told: What a reader is told of it.
        name: What its row is called.
        name_b: What it is in B.
    """

    a: View
    b: View
    told: str
    name: str
    name_b: str


@dataclass(frozen=True, slots=True)
class Join:
    """A row to come: two tensors to be held against each other, or one without a partner.

    Attributes:
        name: What the row is called.
        a: The tensor in A, if A has it.
        b: The tensor in B, if B has it.
        name_b: What B itself calls it; None where that is the row's name.
        names: Of a part, the names of both whole tensors, A's first; patterns go by them.
        ways: How it may be compared, other than value by value; the nearest is taken.
        is_part: Whether one side has but a part of its tensor here, as its ways tell.
    """

    name: str
    a: StoredTensor | None
    b: StoredTensor | None
    name_b: str | None = None
    names: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()
    is_part: bool = False

    @property
    def is_paired(self) -> bool:
        """Whether both have it in one shape, so that places correspond."""
        if self.a is None or self.b is None or self.is_part:
            return False
        return self.a.spec.shape == self.b.spec.shape

    @property
    def known_as(self) -> str:
        """What patterns know it by: the name of A's tensor, if A has it."""
        return self.names[0] if self.names else self.name

    @property
    def tensor(self) -> StoredTensor:
        """Its tensor in A, or in B where A has none."""
        tensor = self.a or self.b
        if tensor is None:
            raise ValueError("a name that neither side holds")
        return tensor

    def is_chosen(self, names: Collection[str]) -> bool:
        """Whether one of its names is among these."""
        return self.name in names or any(name in names for name in self.names)


def alone(joins: Iterable[Join]) -> tuple[list[Join], list[Join]]:
    """Returns what only A has, and what only B has."""
    joins = list(joins)
    return [each for each in joins if each.b is None], [each for each in joins if each.a is None]


def sides_of(joins: Iterable[Join]) -> list[Sides]:
    """Returns what both checkpoints have whole and decoded, whatever the shapes."""
    return [
        Sides(each.name, each.a, each.b)
        for each in joins
        if each.a is not None and each.b is not None and not each.is_part
        if each.a.spec.dtype.is_decoded and each.b.spec.dtype.is_decoded
    ]
