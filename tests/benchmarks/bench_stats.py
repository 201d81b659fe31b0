"""`stats` on large tensors, beside the least that reading them can cost."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bare import read_bare
from both_kernels import served_by
from initcli.engine.stream import portraits
from initcli.engine.wanted import Wanted
from initcli.formats.detect import open_checkpoint
from initcli.kernels import loops
from initcli.reports.tensor_columns import QUANTILES
from made import large
from racing import Racing, cpu
from shell import COMMAND
from spent import spent

JOBS = 2
TARGETS = {"compiled": "<= 4", "numpy": "<= 12"}
WANTED = Wanted(tuple(QUANTILES.values()))

WITH_TORCH = """
import sys
from safetensors import safe_open
with safe_open(sys.argv[1], "pt") as file:
    for name in file.keys():
        values = file.get_tensor(name).float()
        print(name, values.mean(), values.std(), values.min(), values.max())
"""


@pytest.fixture(scope="session", params=["BF16", "F32"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def path(code: str, workplace: Path, nbytes: int) -> Path:
    return large(workplace / f"{code}.safetensors", code, nbytes)


@pytest.mark.parametrize("kernel", TARGETS)
def test_the_pass_beside_a_bare_read(
    race: Racing, path: Path, code: str, kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "CHOSEN", served_by(kernel))
    opened = open_checkpoint(path)
    race(
        f"pass over {code}, {kernel} / bare read, CPU",
        lambda: cpu(lambda: list(portraits(opened, opened.tensors, JOBS, WANTED))),
        lambda: cpu(lambda: read_bare(path, JOBS)),
        TARGETS[kernel],
    )


def test_the_command_beside_a_bare_read(
    race: Racing, path: Path, code: str, workplace: Path
) -> None:
    command = (COMMAND, "stats", path, "--format", "json", "--jobs", str(JOBS))
    race(
        f"initcli stats on {code} / bare read, CPU",
        lambda: spent(workplace, *command).cpu,
        lambda: cpu(lambda: read_bare(path, JOBS)),
        TARGETS["compiled"],
    )


def test_the_command_beside_torch(race: Racing, path: Path, code: str, workplace: Path) -> None:
    race(
        f"torch's mean, std, min, max of {code} / initcli stats, wall",
        lambda: spent(workplace, sys.executable, "-c", WITH_TORCH, path).wall,
        lambda: spent(workplace, COMMAND, "stats", path).wall,
        ">= 15 (torch / ours)",
    )
