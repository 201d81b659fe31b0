"""`compare` of two large files, beside the least that reading both can cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bare import read_bare
from initcli.engine.pairs import Pair, pair_summaries
from initcli.formats.detect import open_checkpoint
from initcli.statistics.pair import Tolerance
from made import large
from racing import Racing, cpu
from shell import COMMAND
from spent import spent

JOBS = 2
TARGETS = {"equal": "<= 2", "different": "<= 6"}


@pytest.fixture(scope="session", params=["BF16", "F32"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def paths(code: str, workplace: Path, nbytes: int) -> dict[str, tuple[Path, Path]]:
    """Two equal files, and two of which every value differs."""
    one, same, other = (
        large(workplace / f"{code}.{number}.safetensors", code, nbytes // 2, seed=seed)
        for number, seed in enumerate((0, 0, 1))
    )
    return {"equal": (one, same), "different": (one, other)}


def read_both(paths: tuple[Path, Path]) -> None:
    for path in paths:
        read_bare(path, JOBS)


def compare_both(paths: tuple[Path, Path]) -> None:
    one, other = map(open_checkpoint, paths)
    pairs = [
        Pair(name, one.tensors[name], other.tensors[name], Tolerance(0, 0)) for name in one.tensors
    ]
    list(pair_summaries(pairs, JOBS))


@pytest.mark.parametrize("how", TARGETS)
def test_the_pass_beside_bare_reads(
    race: Racing, paths: dict[str, tuple[Path, Path]], code: str, how: str
) -> None:
    race(
        f"pass over pairs of {code}, {how} / bare reads, CPU",
        lambda: cpu(lambda: compare_both(paths[how])),
        lambda: cpu(lambda: read_both(paths[how])),
        TARGETS[how],
    )


@pytest.mark.parametrize("how", TARGETS)
def test_the_command_beside_bare_reads(
    race: Racing, paths: dict[str, tuple[Path, Path]], code: str, how: str, workplace: Path
) -> None:
    command = (COMMAND, "compare", *paths[how], "--jobs", str(JOBS))
    race(
        f"initcli compare on {code}, {how} / bare reads, CPU",
        lambda: spent(workplace, *command).cpu,
        lambda: cpu(lambda: read_both(paths[how])),
        TARGETS[how],
    )
