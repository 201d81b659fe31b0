"""What is written is summarised on its way, and a failure on the way leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from initcli.core.dtypes import DTYPES
from initcli.core.errors import MissingError, WriteError
from initcli.core.tensor import TensorSpec
from initcli.engine.write import write_checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.formats.output import OutputPlan, ShardPlan
from measured import summaries

SPECS = (
    TensorSpec("a", DTYPES["F32"], (10, 10)),
    TensorSpec("b", DTYPES["I16"], (7,)),
    TensorSpec("none", DTYPES["F32"], (0,)),
    TensorSpec("packed", DTYPES["F6_E2M3"], (4,)),
)


def plan(path: Path, *, sharded: bool) -> OutputPlan:
    if not sharded:
        return OutputPlan(path, (ShardPlan(path.name, SPECS, {}),))
    shards = tuple(ShardPlan(f"{spec.name}.safetensors", (spec,), {}) for spec in SPECS)
    return OutputPlan(path, shards, "model.safetensors.index.json")


def produce(spec: TensorSpec) -> Iterator[memoryview]:
    if spec.dtype.is_decoded:
        values = np.arange(spec.parameters).astype(spec.dtype.numpy)
        raw = memoryview(values.tobytes())
        yield from (raw[:40], raw[40:]) if len(raw) > 40 else (raw,)
    else:
        yield memoryview(bytes(spec.nbytes))


@pytest.mark.parametrize("sharded", [False, True])
def test_the_summaries_are_those_of_what_is_then_read(sharded: bool, tmp_path: Path) -> None:
    path = tmp_path / ("out" if sharded else "out.safetensors")
    written = write_checkpoint(plan(path, sharded=sharded), produce, overwrite=False)
    opened = open_checkpoint(path)
    assert opened.specs == {spec.name: spec for spec in SPECS}
    read = summaries(opened, list(opened.tensors), 1)
    assert written["packed"] is read["packed"] is None
    for name in ("a", "b", "none"):
        one, other = written[name], read[name]
        assert one is not None
        assert other is not None
        assert (one.count, one.minimum, one.maximum) == (other.count, other.minimum, other.maximum)
        assert one.mean == pytest.approx(other.mean, nan_ok=True)


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("error", [MissingError, WriteError, KeyboardInterrupt, MemoryError])
def test_a_failure_in_the_last_tensor_leaves_nothing(
    error: type[BaseException], sharded: bool, tmp_path: Path
) -> None:
    def fail(spec: TensorSpec) -> Iterator[memoryview]:
        if spec.name == "packed":
            raise error("stop")
        yield from produce(spec)

    with pytest.raises(error):
        write_checkpoint(plan(tmp_path / "out.safetensors", sharded=sharded), fail, overwrite=False)
    assert not list(tmp_path.iterdir())
