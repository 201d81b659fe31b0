"""Streams the values of checkpoints through summaries, chunk by chunk in file order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from initcli.engine.local import borrow, run_in_order
from initcli.formats.checkpoint import Checkpoint, StoredTensor
from initcli.formats.reading import read_into
from initcli.statistics.kernel import empty, summarise
from initcli.statistics.pair import PairSummary, Tolerance, compare_values, empty_pair
from initcli.statistics.summary import Summary

CHUNK_VALUES = 1 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive values of a tensor, by number."""

    first: int
    count: int


def spans(values: int) -> Iterator[Span]:
    """Yields spans of at most `CHUNK_VALUES` values that cover a tensor."""
    for first in range(0, values, CHUNK_VALUES):
        yield Span(first, min(CHUNK_VALUES, values - first))


def read_span(tensor: StoredTensor, span: Span, slot: int = 0) -> memoryview:
    """Reads values into this thread's buffer.

    Raises:
        TruncatedError, MissingError: The file is not what it was when it was opened.
    """
    size = tensor.spec.dtype.itemsize
    buffer = borrow(slot, span.count * size)
    read_into(tensor.shard, tensor.offset + span.first * size, buffer)
    return buffer


def summaries(
    checkpoint: Checkpoint, names: Collection[str], jobs: int
) -> dict[str, Summary | None]:
    """Summarises the chosen tensors of a checkpoint in one pass over their bytes.

    Returns:
        Each tensor's summary by name; None where its dtype is not decoded.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    chosen = [checkpoint.tensors[name] for name in names]
    results: dict[str, Summary | None] = {
        tensor.spec.name: empty(tensor.spec.dtype) if tensor.spec.dtype.is_decoded else None
        for tensor in chosen
    }
    readable = [tensor for tensor in chosen if tensor.spec.dtype.is_decoded]
    tasks = (
        (tensor, span)
        for tensor in _in_file_order(readable)
        for span in spans(tensor.spec.parameters)
    )
    for name, part in run_in_order(_summarise_span, tasks, jobs):
        results[name] = part if (so_far := results[name]) is None else so_far + part
    return results


def _in_file_order(tensors: Collection[StoredTensor]) -> list[StoredTensor]:
    return sorted(tensors, key=lambda tensor: (str(tensor.shard.path), tensor.offset))


def _summarise_span(task: tuple[StoredTensor, Span]) -> tuple[str, Summary]:
    tensor, span = task
    return tensor.spec.name, summarise(read_span(tensor, span), tensor.spec.dtype)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tensors of equal shape, and how far apart their values may be."""

    name: str
    a: StoredTensor
    b: StoredTensor
    tolerance: Tolerance


def pair_summaries(pairs: Collection[Pair], jobs: int) -> dict[str, PairSummary]:
    """Compares pairs of tensors in one pass over the bytes of both.

    Returns:
        Each pair's summary by name.

    Raises:
        TruncatedError, MissingError: A file is not what it was when it was opened.
    """
    results = {pair.name: empty_pair(pair.a.spec.dtype, pair.b.spec.dtype) for pair in pairs}
    ordered = sorted(pairs, key=lambda pair: (str(pair.a.shard.path), pair.a.offset))
    tasks = ((pair, span) for pair in ordered for span in spans(pair.a.spec.parameters))
    for name, part in run_in_order(_compare_span, tasks, jobs):
        results[name] += part
    return results


def _compare_span(task: tuple[Pair, Span]) -> tuple[str, PairSummary]:
    pair, span = task
    raw_a, raw_b = read_span(pair.a, span, 0), read_span(pair.b, span, 1)
    dtype_a, dtype_b = pair.a.spec.dtype, pair.b.spec.dtype
    return pair.name, compare_values(raw_a, dtype_a, raw_b, dtype_b, pair.tolerance)
