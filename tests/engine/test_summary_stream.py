"""However values are cut and whoever counts them, the numbers are those of the whole."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from initcli.core.dtypes import DTYPES
from initcli.core.errors import TruncatedError
from initcli.engine import plan
from initcli.engine.pairs import Pair, pair_summaries
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.statistics.pair import PairSummary, Tolerance
from initcli.statistics.summary import Summary
from measured import summaries

CUTS = [(jobs, chunk) for jobs in (1, 2, 4) for chunk in (64, 1000, 1 << 20)]
TOLERANCE = Tolerance(1e-3, 1e-3)
FLOATS = ["float64", "float32", "bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"]


def values(offset: float = 0.0) -> dict[str, torch.Tensor]:
    """Tensors of every kind, with what makes statistics difficult."""
    drawn = torch.randn(5000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    drawn = drawn + offset
    holes = drawn.clone()
    holes[::7], holes[1::11], holes[2::13], holes[3::5] = torch.nan, torch.inf, -torch.inf, 0.0
    tensors = {dtype: drawn.to(getattr(torch, dtype)) for dtype in FLOATS}
    return tensors | {
        "holes": holes.to(torch.float32),
        "far": (drawn + 1e6).to(torch.float64),
        "int64": (drawn * 1e15).to(torch.int64),
        "uint8": (drawn.abs() * 50).to(torch.uint8),
        "bool": drawn > 0,
        "complex": torch.complex(drawn, -drawn).to(torch.complex64),
        "scalar": torch.tensor(2.5 + offset),
        "none": torch.zeros(0, 3),
    }


def cut_into(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads so many bytes at once, and gives each task three times as many."""
    monkeypatch.setattr(plan, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(plan, "SEGMENT_BYTES", 3 * chunk)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkpoint, Checkpoint]:
    directory = tmp_path_factory.mktemp("pair")
    for name, offset in (("a", 0.0), ("b", 1e-3)):
        save_file(values(offset), directory / f"{name}.safetensors")
    a, b = (open_checkpoint(directory / f"{name}.safetensors") for name in "ab")
    return a, b


def numbers(summary: object) -> dict[str, object]:
    """Every number of a summary, however deep it lies."""
    found: dict[str, object] = {}
    for field in fields(summary):  # type: ignore[arg-type]
        value = getattr(summary, field.name)
        nested = numbers(value) if hasattr(value, "__dataclass_fields__") else {"": value}
        found |= {f"{field.name}.{key}": inner for key, inner in nested.items()}
    return found


def assert_same(one: object, other: object) -> None:
    """Counts agree exactly, sums within what rounding of a mean far from zero leaves of them."""
    ours, theirs = numbers(one), numbers(other)
    for key, value in ours.items():
        if isinstance(value, float):
            slack = 1e-14
            if key == "moments.cubes.":  # which cancel: their size is that of Σ|x − mean|³
                slack = 1e-9 * float(ours["moments.deviations."]) ** 1.5  # type: ignore[arg-type]
            share = 1e-9 if "fourths" in key else 1e-11
            assert value == pytest.approx(theirs[key], rel=share, abs=slack, nan_ok=True), key
        else:
            assert value == theirs[key], key


@pytest.mark.parametrize(("jobs", "chunk"), CUTS)
def test_summaries_do_not_depend_on_threads_or_chunks(
    jobs: int,
    chunk: int,
    pair: tuple[Checkpoint, Checkpoint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = summaries(pair[0], list(pair[0].tensors), 1)
    cut_into(chunk, monkeypatch)
    cut = summaries(pair[0], list(pair[0].tensors), jobs)
    assert list(cut) == list(whole)
    for name, summary in whole.items():
        assert_same(summary, cut[name])


@pytest.mark.parametrize("chunk", [64, 1000])
def test_threads_do_not_change_a_single_bit(
    chunk: int, pair: tuple[Checkpoint, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_into(chunk, monkeypatch)
    results = [repr(summaries(pair[0], list(pair[0].tensors), jobs)) for jobs in (1, 2, 3, 4)]
    assert len(set(results)) == 1


def whole_pairs(pair: tuple[Checkpoint, Checkpoint], jobs: int) -> dict[str, PairSummary]:
    a, b = pair
    pairs = [Pair(name, a.tensors[name], b.tensors[name], TOLERANCE) for name in a.tensors]
    return dict(pair_summaries(pairs, jobs))


@pytest.mark.parametrize(("jobs", "chunk"), CUTS)
def test_pair_summaries_do_not_depend_on_threads_or_chunks(
    jobs: int,
    chunk: int,
    pair: tuple[Checkpoint, Checkpoint],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = whole_pairs(pair, 1)
    cut_into(chunk, monkeypatch)
    cut = whole_pairs(pair, jobs)
    for name, summary in whole.items():
        assert_same(summary, cut[name])


def as_numpy(tensor: torch.Tensor) -> np.ndarray:
    wide = torch.complex128 if tensor.is_complex() else torch.float64
    return tensor.to(wide).numpy().reshape(-1)


@pytest.mark.parametrize("name", [name for name in values() if name != "none"])
def test_a_summary_is_what_numpy_says_of_the_whole_in_float64(
    name: str, pair: tuple[Checkpoint, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_into(1000, monkeypatch)
    summary = summaries(pair[0], [name], 2)[name]
    every = as_numpy(values()[name])
    finite = every[np.isfinite(every)]
    assert isinstance(summary, Summary)
    assert (summary.count, summary.finite) == (every.size, finite.size)
    assert (summary.nan, summary.zeros) == (np.isnan(every).sum(), (every == 0).sum())
    assert summary.mean == pytest.approx(finite.mean(), rel=1e-12, abs=1e-15)
    assert summary.variance == pytest.approx(finite.var(), rel=1e-10)
    if not np.iscomplexobj(every):
        assert (summary.minimum, summary.maximum) == (finite.min(), finite.max())


@pytest.mark.parametrize("name", [name for name in values() if name != "none"])
def test_a_distance_is_what_numpy_says_of_the_whole_in_float64(
    name: str, pair: tuple[Checkpoint, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_into(1000, monkeypatch)
    distance = whole_pairs(pair, 2)[name].distance
    a, b = as_numpy(values()[name]), as_numpy(values(1e-3)[name])
    is_finite = np.isfinite(a) & np.isfinite(b)
    gap = np.abs(a[is_finite] - b[is_finite])
    assert (distance.compared, distance.largest) == (gap.size, gap.max())
    assert distance.unequal == np.count_nonzero(a != b)
    assert distance.mean_absolute == pytest.approx(gap.mean(), rel=1e-11)
    relative = np.linalg.norm(gap) / np.linalg.norm(a[is_finite])
    assert distance.relative == pytest.approx(relative, rel=1e-11)


def test_an_empty_tensor_has_an_empty_summary(pair: tuple[Checkpoint, Checkpoint]) -> None:
    summary = summaries(pair[0], ["none"], 2)["none"]
    assert isinstance(summary, Summary)
    assert (summary.count, summary.minimum) == (0, None)


def test_a_dtype_that_is_not_decoded_has_no_summary(tmp_path: Path) -> None:
    header = '{"packed":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}'
    raw = len(header).to_bytes(8, "little") + header.encode() + bytes(3)
    (tmp_path / "w.safetensors").write_bytes(raw)
    assert summaries(open_checkpoint(tmp_path), ["packed"], 1) == {"packed": None}


def test_only_the_chosen_tensors_are_read(
    pair: tuple[Checkpoint, Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def watched(_: object, __: int, buffer: memoryview) -> None:
        read.append(len(buffer))

    monkeypatch.setattr("initcli.formats.storage.reading.Reader.read", watched)
    summaries(pair[0], ["scalar", "bool"], 1)
    assert sorted(read) == [4, 5000]


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_file_changed_since_it_was_opened_gives_no_numbers(jobs: int, tmp_path: Path) -> None:
    save_file({"w": torch.ones(100_000)}, tmp_path / "w.safetensors")
    opened = open_checkpoint(tmp_path)
    os.truncate(tmp_path / "w.safetensors", 1000)
    with pytest.raises(TruncatedError):
        summaries(opened, ["w"], jobs)


def test_every_decoded_dtype_is_summarised(tmp_path: Path) -> None:
    for code, dtype in DTYPES.items():
        if dtype.is_decoded:
            raw = torch.zeros(16, dtype=torch.uint8)
            save_file({"w": raw.view(getattr(torch, dtype.torch))}, tmp_path / "w.safetensors")
            summary = summaries(open_checkpoint(tmp_path), ["w"], 1)["w"]
            assert summary is not None, code
            assert summary.count == 16 * 8 // dtype.bits, code
