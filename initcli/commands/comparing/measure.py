"""Reads what was joined: pairs value by value or as views, and what has no partner alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from initcli.commands.comparing.join import Join, Way
from initcli.commands.comparing.operand import Operand
from initcli.commands.comparing.tolerance import EXACT, Tolerances
from initcli.core.progress import Progress
from initcli.core.tensor import TensorSpec
from initcli.engine.pairs import Pair, pair_summaries
from initcli.engine.stream import portraits
from initcli.engine.views import ViewPair, view_summaries
from initcli.formats.storage.checkpoint import StoredTensor
from initcli.reports.compare_row import Side
from initcli.statistics.moments import AnyMoments
from initcli.statistics.pair import PairSummary

_QUARTER = 0.25


@dataclass(frozen=True, slots=True)
class Measured:
    """What was learnt of a join.

    Attributes:
        joined: Its names and tensors.
        a: The tensor in A, as far as it is compared.
        b: The tensor in B.
        pair: Their distance; None if they cannot be held against each other.
        way: How they were compared, other than value by value.
    """

    joined: Join
    a: Side
    b: Side
    pair: PairSummary | None = None
    way: Way | None = None


@dataclass(frozen=True, slots=True)
class Measurements:
    """All that was learnt.

    Attributes:
        found: Of every join, in order.
        pairs: What was read value by value, by the name of its row.
        summaries: How far these are apart.
    """

    found: Sequence[Measured]
    pairs: Mapping[str, Pair]
    summaries: Mapping[str, PairSummary]


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be read, and how.

    Attributes:
        operands: A and B.
        joins: Which tensors.
        tolerances: How far values may be apart.
        jobs: Threads.
        progress: Told of every byte read.
    """

    operands: tuple[Operand, Operand]
    joins: Sequence[Join]
    tolerances: Tolerances
    jobs: int
    progress: Progress

    def measure(self) -> Measurements:
        """Reads all that was joined: each value once, and twice where two ways are possible.

        Raises:
            TruncatedError, MissingError: A file is not what it was when it was opened.
        """
        plain = self._pairs()
        moments = tuple(self._alone(side, plain) for side in (0, 1))
        self.progress.start(sum(each.a.spec.nbytes + each.b.spec.nbytes for each in plain.values()))
        found = dict(pair_summaries(plain.values(), self.jobs, self.progress))
        measured = [_plain(each, found.get(each.name), moments) for each in self.joins]
        return Measurements(self._by_nearest_way(measured), plain, found)

    def _pairs(self) -> dict[str, Pair]:
        return {each.name: pair for each in self.joins if (pair := _pair(each, self.tolerances))}

    def _alone(self, side: int, paired: Mapping[str, Pair]) -> dict[str, AnyMoments]:
        """Returns the moments, by its own name, of what is not compared and measured alone."""
        names = {
            tensor.spec.name
            for each in self.joins
            if each.name not in paired and not each.ways
            for tensor in [(each.a, each.b)[side]]
            if tensor is not None and tensor.spec.dtype.is_decoded
        }
        checkpoint = self.operands[side].checkpoint
        self.progress.start(sum(checkpoint.tensors[name].spec.nbytes for name in names))
        found = portraits(checkpoint, names, self.jobs, progress=self.progress)
        return {name: portrait.summary.moments for name, portrait in found if portrait is not None}

    def _by_nearest_way(self, measured: Sequence[Measured]) -> list[Measured]:
        """Holds tensors against each other in the other ways there are, and takes the nearest."""
        tried = [
            (number, way, self._view_pair(each, way))
            for number, each in enumerate(measured)
            if not _is_settled(each)
            for way in each.joined.ways
        ]
        self.progress.start(sum(pair.nbytes for _, _, pair in tried))
        nearest = list(measured)
        summaries = view_summaries([pair for *_, pair in tried], self.jobs, self.progress)
        for (number, way, _), summary in zip(tried, summaries, strict=True):
            nearest[number] = _nearer(nearest[number], _seen(measured[number], way, summary))
        return nearest

    def _view_pair(self, each: Measured, way: Way) -> ViewPair:
        dtypes = (view.tensor.spec.dtype for view in (way.a, way.b))
        allowed = self.tolerances.tolerance_for(each.joined.known_as, *dtypes)
        return ViewPair(way.a, way.b, allowed.tolerance)


def _pair(joined: Join, tolerances: Tolerances) -> Pair | None:
    a, b = joined.a, joined.b
    if a is None or b is None or not joined.is_paired:
        return None
    if a.spec.dtype.is_decoded and b.spec.dtype.is_decoded:
        allowed = tolerances.tolerance_for(joined.known_as, a.spec.dtype, b.spec.dtype)
        return Pair(joined.name, a, b, allowed.tolerance)
    if a.spec.dtype == b.spec.dtype:
        return Pair(joined.name, a.comparable(), b.comparable(), EXACT)
    return None


def _plain(
    joined: Join, pair: PairSummary | None, alone: Sequence[Mapping[str, AnyMoments]]
) -> Measured:
    a = _side(joined.name, joined.a, pair.a if pair else None, alone[0])
    b = _side(joined.name, joined.b, pair.b if pair else None, alone[1])
    return Measured(joined, a, b, pair)


def _side(
    name: str,
    tensor: StoredTensor | None,
    paired: AnyMoments | None,
    alone: Mapping[str, AnyMoments],
) -> Side:
    if tensor is None:
        return Side()
    spec = replace(tensor.spec, name=name)
    # Of values that are not decoded only the bytes were summarised, to tell them apart.
    moments = paired if paired is not None else alone.get(tensor.spec.name)
    return Side(spec, moments if spec.dtype.is_decoded else None)


def _is_settled(each: Measured) -> bool:
    """Whether values are equal place by place, so that no other way can be nearer."""
    return each.pair is not None and (each.pair.same_bytes or not each.pair.distance.unequal)


def _seen(each: Measured, way: Way, summary: PairSummary) -> Measured:
    a, b = (
        Side(TensorSpec(each.joined.name, view.tensor.spec.dtype, view.seen), moments)
        for view, moments in ((way.a, summary.a), (way.b, summary.b))
    )
    return Measured(each.joined, a, b, summary, way)


def _nearer(now: Measured, new: Measured) -> Measured:
    """Returns the new one if it is clearly nearer.

    Values that have nothing to do with each other are as far apart either way, but for chance:
    half the distance is no chance.
    """
    if now.pair is None or new.pair is None:
        return new
    one, other = now.pair.distance, new.pair.distance
    is_nearer = other.squared < _QUARTER * one.squared and other.incomparable <= one.incomparable
    return new if is_nearer else now
