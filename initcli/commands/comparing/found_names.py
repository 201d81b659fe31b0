"""Finds under which names B has what A has: by prefixes, and by equal bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from initcli.commands.comparing.operand import Operand
from initcli.core.progress import Progress
from initcli.core.tensor import Shape
from initcli.core.text import natural
from initcli.engine.digests import digests
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.recipes.name_pairs import Gain, Names, Pairs, by_prefix, without_wrappers
from initcli.recipes.templates import explained, literal
from initcli.reports.proposal import Proposal

_Kind = tuple[str, Shape]
_Content = tuple[_Kind, str]


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look for what has no partner.

    Attributes:
        one: A.
        other: B, as it is named so far.
        chosen: The names whose values may be read.
        jobs: Threads.
        progress: Told of every byte read.
    """

    one: Operand
    other: Operand
    chosen: Collection[str]
    jobs: int
    progress: Progress

    def find(self) -> tuple[list[Proposal], Operand]:
        """Returns what is proposed, in order, and B as it would then be named.

        Raises:
            TruncatedError, MissingError: A file is not what it was when it was opened.
        """
        found = _Found(self.one, self.other)
        found.take(by_prefix(found.names), {})
        found.take(*explained(without_wrappers(found.names), found.names))
        if found.names.could_pair:
            hashed = self._hashed(found)
            for most in (1, None):  # doubles are told apart by the renames of what has none
                equal = hashed.pairs(found, most)
                found.take(*explained(equal, found.names), equal)
        return found.proposals, found.other

    def _hashed(self, found: _Found) -> _Hashed:
        """Hashes what has no partner on both sides, and could have one by dtype and shape."""
        asked = {
            found.other.names[own] for own, name in self.other.names.items() if name in self.chosen
        }
        a = list(_unpaired(self.one, found.other, self.chosen))
        b = list(_unpaired(found.other, self.one, asked))
        shared = {_kind(tensor) for tensor in a} & {_kind(tensor) for tensor in b}
        a, b = ([tensor for tensor in side if _kind(tensor) in shared] for side in (a, b))
        self.progress.start(sum(tensor.spec.nbytes for tensor in (*a, *b)))
        return _Hashed(*(_by_content(digests(side, self.jobs, self.progress)) for side in (a, b)))


class _Found:
    """What was found so far, and B as it would be named.

    Args:
        one: A.
        other: B.
    """

    def __init__(self, one: Operand, other: Operand) -> None:
        self.one = one
        self.other = other
        self.proposals: list[Proposal] = []

    @property
    def names(self) -> Names:
        """The names as they are by now."""
        return Names(_shapes(self.one), _shapes(self.other))

    def take(self, renames: Sequence[Gain], rest: Pairs, equal: Pairs | None = None) -> None:
        """Adds renames, and pairs that none explains, of names or of equal bytes."""
        self.proposals += _proposals(renames, rest, equal)
        self.other = self.other.renamed([rename for rename, _ in renames]).called(rest)


@dataclass(frozen=True, slots=True)
class _Hashed:
    """The checkpoints' own names by what they hold."""

    a: Mapping[_Content, Sequence[str]]
    b: Mapping[_Content, Sequence[str]]

    def pairs(self, found: _Found, most: int | None) -> dict[str, str]:
        """Returns B's names to A's of the same bytes, where both have as many of them left.

        Args:
            found: How they are named by now.
            most: How many may hold the same; None for any number, taken in order of their names.
        """
        pairs: dict[str, str] = {}
        names = found.names
        for content in (each for each in self.b if each in self.a):
            a = [name for name in self.a[content] if name in names.only_a]
            b = [new for own in self.b[content] if (new := found.other.names[own]) in names.only_b]
            if len(a) == len(b) <= (most or len(a)):
                pairs.update(zip(sorted(b, key=natural), sorted(a, key=natural), strict=True))
        return pairs


def _shapes(side: Operand) -> dict[str, Shape]:
    tied = {alias: side.tensors[name].spec.shape for alias, name in side.ties.items()}
    return tied | {name: tensor.spec.shape for name, tensor in side.tensors.items()}


def _kind(tensor: StoredTensor) -> _Kind:
    return tensor.spec.dtype.code, tensor.spec.shape


def _unpaired(side: Operand, partner: Operand, chosen: Collection[str]) -> Iterator[StoredTensor]:
    for name, tensor in side.tensors.items():
        if partner.find(name) is None and name in chosen and tensor.spec.nbytes:
            yield tensor


def _by_content(hashed: Iterable[tuple[StoredTensor, str]]) -> dict[_Content, list[str]]:
    names: dict[_Content, list[str]] = defaultdict(list)
    for tensor, digest in hashed:
        names[_kind(tensor), digest].append(tensor.spec.name)
    return names


def _proposals(
    renames: Iterable[Gain], rest: Mapping[str, str], equal: Pairs | None
) -> Iterator[Proposal]:
    known = equal or {}
    for rename, gained in renames:
        same = sum(known.get(b) == a for b, a in gained.items())
        yield Proposal(rename.text, len(gained), None if equal is None else same)
    written = [literal(*pair) for pair in rest.items()]
    for one in filter(None, written):
        yield Proposal(one.text, 1, None if equal is None else 1)
    if unwritten := written.count(None):
        yield Proposal(None, unwritten, None if equal is None else unwritten)
