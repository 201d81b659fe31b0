"""Writes a planned checkpoint, and summarises every value on its way to storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from initcli.core.tensor import TensorSpec
from initcli.formats.output import OutputPlan, ShardPlan, staged_directory
from initcli.formats.writer import safetensors_writer
from initcli.statistics.fold import Fold
from initcli.statistics.summary import Summary

Produce = Callable[[TensorSpec], Iterator[memoryview]]
Summaries = dict[str, Summary | None]


def write_checkpoint(plan: OutputPlan, produce: Produce, *, overwrite: bool) -> Summaries:
    """Writes every file of a plan.

    Args:
        plan: What goes where.
        produce: Yields a tensor's bytes in chunks of whole values.
        overwrite: Whether existing files may be replaced.

    Returns:
        What was written, by name; None where a dtype is not decoded.

    Raises:
        OutputError, WriteError: Nothing has appeared under the final name.
    """
    if not plan.index_name:
        return _write_shard(plan.path, plan.shards[0], produce, overwrite=overwrite)
    written: Summaries = {}
    with staged_directory(plan) as stage:
        for shard in plan.shards:
            written |= _write_shard(stage / shard.name, shard, produce, overwrite=False)
    return written


def _write_shard(path: Path, shard: ShardPlan, produce: Produce, *, overwrite: bool) -> Summaries:
    written: Summaries = {}
    with safetensors_writer(path, shard.specs, shard.metadata, overwrite=overwrite) as writer:
        for spec in writer.order:
            writer.write(spec, _watched(spec, produce(spec), written))
    return written


def _watched(
    spec: TensorSpec, chunks: Iterator[memoryview], written: Summaries
) -> Iterator[memoryview]:
    if not spec.dtype.is_decoded:
        written[spec.name] = None
        yield from chunks
        return
    fold = Fold(spec.dtype, spec.parameters)
    for chunk in chunks:
        fold.add(chunk)
        yield chunk
    written[spec.name] = fold.result().summary
