"""Reads the differences of pairs of matrices again, for their singular values."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from functools import reduce
from operator import add

from initcli.core.dtypes import BYTE
from initcli.core.progress import SILENT, Progress
from initcli.engine.pairs import Pair
from initcli.engine.plan import place_of
from initcli.engine.spectra import cannot_span, rows_of
from initcli.formats.storage.reading import open_shard
from initcli.statistics.decode import Array, widen
from initcli.statistics.gram import NotFiniteError
from initcli.statistics.pair_update import Update, rounding_noise, update_of


def updates(pairs: Collection[Pair], progress: Progress = SILENT) -> Iterator[tuple[str, Update]]:
    """Yields the update of every pair of matrices of real floats, in A's file order.

    Further dimensions count with the second, as the taps of a convolution do.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    for pair in sorted(pairs, key=lambda pair: place_of(pair.a)):
        yield pair.name, _update(pair)
        progress.advance(pair.a.spec.nbytes + pair.b.spec.nbytes)


def cannot_update(pair: Pair) -> str:
    """Returns why a pair has no update that is measured here; empty if it has."""
    reason = cannot_span(pair.a.spec) or cannot_span(pair.b.spec)
    columns = math.prod(pair.a.spec.shape[1:])
    if not reason and any(columns * each.spec.dtype.bits % BYTE for each in (pair.a, pair.b)):
        return "its rows do not end on whole bytes"
    return reason


def _update(pair: Pair) -> Update:
    shape = pair.a.spec.shape[0], math.prod(pair.a.spec.shape[1:])
    with open_shard(pair.a.shard) as one, open_shard(pair.b.shard) as other:
        rows_a, rows_b = rows_of(pair.a, one), rows_of(pair.b, other)

        def read_rows(first: int, count: int) -> Array:
            return widen(rows_b(first, count)) - widen(rows_a(first, count))

        sides = ((rows_a, pair.a.spec.dtype), (rows_b, pair.b.spec.dtype))
        coarsest = max(pair.a.spec.dtype.epsilon, pair.b.spec.dtype.epsilon)
        try:
            # Of one dtype, both may have been rounded to it.
            noises = [
                rounding_noise(rows, shape, dtype)
                for rows, dtype in sides
                if dtype.epsilon == coarsest
            ]
            noise = reduce(add, noises)
        except NotFiniteError as error:
            return Update(reason=str(error))
        return update_of(read_rows, shape, noise)
