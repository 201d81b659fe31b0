"""What is written is summarised on its way, by any number of workers, and all of it or nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from initcli.core.dtypes import DTYPES
from initcli.core.errors import MissingError, OutputError, WriteError
from initcli.core.tensor import TensorSpec
from initcli.engine.parts import Part
from initcli.engine.plan import cuts
from initcli.engine.write import write_checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.formats.writing.output import FilePlan, OutputPlan
from initcli.formats.writing.safetensors_layout import safetensors_layout
from measured import summaries

SPECS = (
    TensorSpec("a", DTYPES["F32"], (10, 10)),
    TensorSpec("b", DTYPES["I16"], (7,)),
    TensorSpec("none", DTYPES["F32"], (0,)),
    TensorSpec("packed", DTYPES["F6_E2M3"], (4,)),
)


def plan(path: Path, *, sharded: bool) -> OutputPlan:
    if not sharded:
        return OutputPlan(path, (FilePlan(path.name, safetensors_layout(SPECS, {})),))
    files = tuple(
        FilePlan(f"{spec.name}.safetensors", safetensors_layout([spec], {})) for spec in SPECS
    )
    index = "model.safetensors.index.json"
    return OutputPlan(path, files, is_directory=True, index_name=index)


def bytes_of(spec: TensorSpec) -> memoryview:
    if not spec.dtype.is_decoded:
        return memoryview(bytes(spec.nbytes))
    return memoryview(np.arange(spec.parameters).astype(spec.dtype.numpy).tobytes())


def chunks(raw: memoryview, size: int = 40) -> Iterator[memoryview]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def produce(spec: TensorSpec) -> Iterator[Part]:
    for first, count in cuts(0, spec.parameters, 80, spec.dtype.bits):
        begin, end = (number * spec.dtype.bits // 8 for number in (first, first + count))
        yield Part(count, partial(chunks, bytes_of(spec)[begin:end]))


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


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("error", [MissingError, WriteError, KeyboardInterrupt, MemoryError])
def test_a_failure_in_the_last_tensor_leaves_nothing(
    error: type[BaseException], sharded: bool, jobs: int, tmp_path: Path
) -> None:
    def fail() -> Iterator[memoryview]:
        yield memoryview(bytes(1))
        raise error("stop")

    def failing(spec: TensorSpec) -> Iterator[Part]:
        return iter([Part(4, fail)]) if spec.name == "packed" else produce(spec)

    target = plan(tmp_path / "out.safetensors", sharded=sharded)
    with pytest.raises(error):
        write_checkpoint(target, failing, overwrite=False, jobs=jobs)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Part(7, lambda: iter([memoryview(bytes(12))]))], "12 bytes for a part of 14"),
        ([Part(7, lambda: iter([memoryview(bytes(16))]))], "16 bytes for a part of 14"),
        ([Part(6, lambda: iter([memoryview(bytes(12))]))], "6 values for a tensor of 7"),
        ([Part(7, lambda: iter([memoryview(bytes(14))]))] * 2, "14 values for a tensor of 7"),
        ([], "0 values for a tensor of 7"),
    ],
)
def test_parts_that_do_not_add_up_leave_nothing(
    parts: list[Part], message: str, tmp_path: Path
) -> None:
    target = OutputPlan(tmp_path / "w", (FilePlan("w", safetensors_layout(SPECS[1:2], {})),))
    with pytest.raises(WriteError, match=message):
        write_checkpoint(target, lambda _: parts, overwrite=False)
    assert not list(tmp_path.iterdir())


def test_chunks_may_share_one_buffer(tmp_path: Path) -> None:
    buffer = bytearray(4)

    def shared() -> Iterator[memoryview]:
        for byte in b"ab":
            buffer[:] = bytes([byte]) * 4
            yield memoryview(buffer)

    spec = TensorSpec("w", DTYPES["F32"], (2,))
    target = OutputPlan(tmp_path / "w", (FilePlan("w", safetensors_layout([spec], {})),))
    write_checkpoint(target, lambda _: [Part(2, shared)], overwrite=False)
    assert (tmp_path / "w").read_bytes().endswith(b"aaaabbbb")


class Counter:
    """Progress that only counts."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self._counting = threading.Lock()

    def start(self, total: int) -> None:
        self.total += total

    def advance(self, count: int) -> None:
        with self._counting:
            self.done += count

    def finish(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_byte_that_is_written_is_told(jobs: int, tmp_path: Path) -> None:
    counter = Counter()
    target = plan(tmp_path / "out", sharded=True)
    write_checkpoint(target, produce, overwrite=False, jobs=jobs, progress=counter)
    assert counter.done == counter.total == sum(spec.nbytes for spec in SPECS)


@pytest.mark.parametrize("name", ["a.safetensors", "model.safetensors.index.json"])
def test_a_name_that_another_writer_takes_meanwhile_is_not_replaced(
    name: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def meanwhile(spec: TensorSpec) -> Iterator[Part]:
        out.mkdir(exist_ok=True)
        (out / name).write_bytes(b"another's")
        yield from produce(spec)

    with pytest.raises(OutputError, match="exists already"):
        write_checkpoint(plan(out, sharded=True), meanwhile, overwrite=False)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {name: b"another's"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_long_part_is_given_up_when_another_fails(tmp_path: Path) -> None:
    drawn = []

    def endless() -> Iterator[memoryview]:
        has_failed.wait()
        for _ in range(10**6):  # which at four bytes each would be no file of this size
            drawn.append(1)
            yield memoryview(bytes(4))

    def fails() -> Iterator[memoryview]:
        has_failed.set()
        raise MissingError("gone", where="x")
        yield memoryview(b"")

    has_failed = threading.Event()
    specs = [TensorSpec(name, DTYPES["F32"], (10**6,)) for name in "ab"]
    target = OutputPlan(tmp_path / "w", (FilePlan("w", safetensors_layout(specs, {})),))
    parts = {"a": Part(10**6, fails), "b": Part(10**6, endless)}
    with pytest.raises(MissingError, match="gone"):
        write_checkpoint(target, lambda spec: [parts[spec.name]], overwrite=False, jobs=2)
    assert len(drawn) < 10**6
    assert not list(tmp_path.iterdir())
