"""Pairs are compared in few tasks: small ones together, large ones cut, no value twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from initcli.core.progress import Progress
from initcli.engine import pairs as engine
from initcli.engine import plan
from initcli.engine.pairs import Pair, pair_summaries
from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.statistics.pair import Tolerance

RNG = np.random.default_rng(0)
EXACT = Tolerance(0.0, 0.0)
Tensors = dict[str, np.ndarray]


class Counting(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.read = 0

    def advance(self, count: int) -> None:
        self.read += count


def saved(directory: Path, tensors: Tensors) -> Checkpoint:
    directory.mkdir(exist_ok=True)
    save_file(tensors, directory / "w.safetensors")
    return open_checkpoint(directory)


def pairs_of(a: Checkpoint, b: Checkpoint) -> list[Pair]:
    return [Pair(name, a.tensors[name], b.tensors[name], EXACT) for name in a.tensors]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every file as it is opened."""
    seen: list[str] = []
    original = engine.open_shard

    def watched(shard: object) -> object:
        seen.append(str(shard.path))  # type: ignore[attr-defined]
        return original(shard)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "open_shard", watched)
    return seen


@pytest.mark.parametrize("jobs", [1, 3])
def test_small_pairs_share_a_task(tmp_path: Path, opened: list[str], jobs: int) -> None:
    tensors = {f"t{n:03}": np.float32([n, n + 1]) for n in range(600)}
    a, b = (saved(tmp_path / side, tensors) for side in "ab")
    found = list(pair_summaries(pairs_of(a, b), jobs))
    assert [name for name, _ in found] == list(tensors)
    assert all(summary.same_bytes for _, summary in found)
    assert len(opened) == 2 * 2  # 512 pairs and the other 88, of two files


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_large_pair_is_cut_and_every_value_compared_once(
    tmp_path: Path, opened: list[str], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "CHUNK_BYTES", 64)
    monkeypatch.setattr(plan, "SEGMENT_BYTES", 400)
    tensors = {"large": RNG.normal(size=1001), "none": np.zeros(0), "small": np.arange(5.0)}
    other = {name: (values * 1.5).astype(np.float32) for name, values in tensors.items()}
    a, b = saved(tmp_path / "a", tensors), saved(tmp_path / "b", other)
    progress = Counting()
    found = dict(pair_summaries(pairs_of(a, b), jobs, progress))
    assert len(opened) == 2 * 21  # 8008 bytes of the wider side in 400s, the rest with the last
    assert progress.read == sum(each.nbytes for each in (*tensors.values(), *other.values()))
    for name, values in tensors.items():
        gap = np.abs(values - other[name].astype(np.float64))
        distance = found[name].distance
        assert (distance.compared, distance.largest) == (gap.size, gap.max(initial=0.0))
        assert distance.absolute == pytest.approx(gap.sum(), rel=1e-12)


@pytest.mark.parametrize("side", [0, 1])
def test_pairs_of_other_files_are_apart(tmp_path: Path, opened: list[str], side: int) -> None:
    one = saved(tmp_path / "one", {"v": np.arange(4.0), "w": np.ones(4)})
    others = [saved(tmp_path / f"other{n}", {"v": np.arange(4.0)}) for n in range(2)]
    pairs = []
    for name, other in zip("vw", others, strict=True):
        a, b = (one.tensors[name], other.tensors["v"])[:: -1 if side else 1]
        pairs.append(Pair(name, a, b, EXACT))
    found = [(name, each.same_bytes) for name, each in pair_summaries(pairs[::-1], 1)]
    assert found == [("v", True), ("w", False)]
    places = ["one", "other0", "one", "other1"]
    expected = [places[n] for n in ((1, 0, 3, 2) if side else range(4))]
    assert [Path(path).parent.name for path in opened] == expected


def test_four_bits_beside_thirty_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts fall where both sides have whole bytes."""
    monkeypatch.setattr(plan, "CHUNK_BYTES", 64)
    monkeypatch.setattr(plan, "SEGMENT_BYTES", 192)
    packed = RNG.integers(0, 256, 150, np.uint8)
    header = b'{"w":{"dtype":"F4","shape":[300],"data_offsets":[0,150]}}'
    path = tmp_path / "four.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + packed.tobytes())
    values = np.float32([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    halves = np.stack([packed & 15, packed >> 4], axis=1).ravel()
    wide = np.where(halves & 8, -1, 1).astype(np.float32) * values[halves & 7]
    wide[[7, 210]] += 3
    a, b = open_checkpoint(path), saved(tmp_path / "wide", {"w": wide})
    distance = dict(pair_summaries(pairs_of(a, b), 1))["w"].distance
    assert (distance.compared, distance.unequal, distance.absolute) == (300, 2, 6)
