"""Measures ours beside a baseline in alternation, and prints one table at the end.

How much is measured stands in the environment: `INITCLI_BENCH_MB` of values (1024),
`INITCLI_BENCH_TENSORS` small ones (100,000), and `INITCLI_BENCH_ROUNDS` (5).
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from racing import Measure, Race, Racing

MEBIBYTES = int(os.environ.get("INITCLI_BENCH_MB", "1024"))
TENSORS = int(os.environ.get("INITCLI_BENCH_TENSORS", "100000"))
ROUNDS = int(os.environ.get("INITCLI_BENCH_ROUNDS", "5"))

_RUN = pytest.StashKey[list[Race]]()


@pytest.fixture
def race(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Racing:
    """Measures ours and the baseline in turn."""

    def run(what: str, ours: Measure, baseline: Measure, target: str, unit: str = "s") -> Race:
        costs: list[tuple[float, float]] = []
        turn: list[float] = []
        benchmark.pedantic(
            lambda: costs.append((ours(), turn.pop())),
            setup=lambda: turn.append(baseline()),
            rounds=ROUNDS,
        )
        mine, theirs = (statistics.median(each) for each in zip(*costs, strict=True))
        ratio = statistics.median(one / (other or float("nan")) for one, other in costs)
        found = Race(what, unit, mine, theirs, ratio, target)
        benchmark.extra_info.update(asdict(found))
        request.config.stash.setdefault(_RUN, []).append(found)
        return found

    return run


@pytest.fixture(scope="session")
def workplace() -> Iterator[Path]:
    """A directory for large files, which are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="initcli-bench-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def nbytes() -> int:
    """How large a large file is."""
    return MEBIBYTES << 20


@pytest.fixture(scope="session")
def tensors() -> int:
    """How many tensors are many."""
    return TENSORS


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    races = config.stash.get(_RUN, [])
    if not races:
        return
    width = max(len(race.what) for race in races)
    head = f"{'what':<{width}}  {'ours':>12}  {'baseline':>12}  {'ratio':>7}  target"
    terminalreporter.write_sep("-", "medians")
    terminalreporter.write_line(head)
    for race in races:
        ours, baseline = f"{race.ours:.4g} {race.unit}", f"{race.baseline:.4g} {race.unit}"
        line = (
            f"{race.what:<{width}}  {ours:>12}  {baseline:>12}  {race.ratio:>7.3f}  {race.target}"
        )
        terminalreporter.write_line(line)
