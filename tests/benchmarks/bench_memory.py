"""The most memory that `stats` and `compare` hold at once, beside what they start with."""

from __future__ import annotations

from pathlib import Path

import pytest

from made import large, sparse
from racing import Racing
from shell import COMMAND
from spent import spent

TARGET = "ours <= 150 MB"
FILES = ("one tensor of zeros, fourfold", "random values in many tensors", "random values in one")


@pytest.fixture(scope="session", params=FILES)
def path(request: pytest.FixtureRequest, workplace: Path, nbytes: int) -> Path:
    path = workplace / f"{FILES.index(request.param)}.safetensors"
    if request.param == FILES[0]:
        return sparse(path, "BF16", 4 * nbytes)
    return large(path, "F32", nbytes, tensors=1 if request.param == FILES[2] else None)


@pytest.mark.parametrize("command", ["stats", "compare"])
def test_the_peak(race: Racing, path: Path, command: str, workplace: Path) -> None:
    paths = (path,) if command == "stats" else (path, path)
    file = FILES[int(path.stem)]
    race(
        f"peak of {command} on {file} / on nothing",
        lambda: spent(workplace, COMMAND, command, *paths, "--jobs", "2").peak,
        lambda: spent(workplace, COMMAND, command, *_nothing(workplace, len(paths))).peak,
        TARGET,
        unit="MB",
    )


def _nothing(workplace: Path, count: int) -> list[Path]:
    return [sparse(workplace / "nothing.safetensors", "F32", 4)] * count
