"""Reads the two tensors of a declared tie that are stored apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from initcli.checks.contents import StoredTie
from initcli.core.dtypes import DTYPES
from initcli.core.text import plural
from initcli.engine.pairs import Pair, pair_summaries
from initcli.formats.storage.checkpoint import Checkpoint, StoredTensor
from initcli.reports.compare_status import SAME, status_of
from initcli.statistics.pair import PairSummary, Tolerance

_EXACT = Tolerance(0.0, 0.0)


def compared(
    checkpoint: Checkpoint, ties: Sequence[StoredTie], chosen: Collection[str], jobs: int
) -> list[StoredTie]:
    """Reads both tensors of each tie of which one is chosen, and says how they differ.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    wanted = [tie for tie in ties if tie.alias in chosen or tie.name in chosen]
    pairs = {tie: _pair(tie, checkpoint, str(place)) for place, tie in enumerate(wanted)}
    found = _found([pair for pair in pairs.values() if isinstance(pair, Pair)], jobs)
    return [
        replace(tie, difference=found[pair.name] if isinstance(pair, Pair) else pair)
        for tie, pair in pairs.items()
    ]


def _pair(tie: StoredTie, checkpoint: Checkpoint, name: str) -> Pair | str:
    """Returns the two to read, or how they differ if that is known without."""
    a, b = checkpoint.tensors[tie.alias], checkpoint.tensors[tie.name]
    if a.spec.shape != b.spec.shape:
        return "the shapes differ"
    if a.spec.dtype.is_decoded and b.spec.dtype.is_decoded:
        return Pair(name, a, b, _EXACT)
    if a.spec.dtype == b.spec.dtype:
        return Pair(name, _as_bytes(a), _as_bytes(b), _EXACT)
    return f"{a.spec.dtype.code} and {b.spec.dtype.code} values"


def _as_bytes(tensor: StoredTensor) -> StoredTensor:
    spec = replace(tensor.spec, dtype=DTYPES["U8"], shape=(tensor.spec.nbytes,))
    return replace(tensor, spec=spec)


def _found(pairs: Sequence[Pair], jobs: int) -> dict[str, str]:
    summaries = dict(pair_summaries(pairs, jobs)) if pairs else {}
    return {
        pair.name: _difference(pair, summaries[pair.name]) if pair.values else "" for pair in pairs
    }


def _difference(pair: Pair, summary: PairSummary) -> str:
    """Rounding one to the other's dtype is no difference."""
    if status_of(pair.a.spec, pair.b.spec, summary) in SAME:
        return ""
    return f"{summary.distance.unequal:,} of {plural(pair.values, 'value')} differ"
