"""`stats` and `compare` on many tensors of ten values, whose cost is all in what is done once each.

The baseline is the command on a tenth of the tensors; a ratio of ten is linear.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from made import many
from racing import Racing
from shell import COMMAND
from spent import spent

TARGET = "<= 10"


@pytest.fixture(scope="session", params=["BF16", "F32"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def paths(code: str, workplace: Path, tensors: int) -> tuple[Path, Path, Path]:
    """As many as are asked for, half, and a tenth of them."""
    return tuple(
        many(workplace / f"{code}.{part}.safetensors", code, tensors // part) for part in (1, 2, 10)
    )


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_stats(
    race: Racing, paths: tuple[Path, ...], code: str, form: str, workplace: Path
) -> None:
    def cost(path: Path) -> float:
        return spent(workplace, COMMAND, "stats", path, "--format", form).wall

    what = f"stats of many {code} as {form} / of a tenth, wall"
    race(what, lambda: cost(paths[0]), lambda: cost(paths[2]), TARGET)


def test_compare(race: Racing, paths: tuple[Path, ...], code: str, workplace: Path) -> None:
    def cost(path: Path) -> float:
        return spent(workplace, COMMAND, "compare", path, path).wall

    what = f"compare of many {code} / of a tenth, wall"
    race(what, lambda: cost(paths[0]), lambda: cost(paths[2]), TARGET)


def test_half(race: Racing, paths: tuple[Path, ...], code: str, workplace: Path) -> None:
    def cost(path: Path) -> float:
        return spent(workplace, COMMAND, "stats", path).wall

    what = f"stats of half as many {code} / of a tenth, wall"
    race(what, lambda: cost(paths[1]), lambda: cost(paths[2]), "<= 5")
