"""Benchmarks run, on next to nothing; what they take is not judged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shell import ROOT, neutral_environment

HERE = ROOT / "tests" / "benchmarks"
SMALL = {"INITCLI_BENCH_MB": "1", "INITCLI_BENCH_TENSORS": "100", "INITCLI_BENCH_ROUNDS": "1"}


@pytest.mark.skipif(not hasattr(os, "posix_spawn"), reason="processes are measured as POSIX does")
@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("bench_*.py")))
def test_a_benchmark_ends_with_its_table(name: str, tmp_path: Path) -> None:
    settings = neutral_environment(**SMALL)
    settings.pop("PYTEST_XDIST_WORKER", None)  # it would be taken for a worker, and not measure
    command = (sys.executable, "-m", "pytest", HERE / name, "--benchmark-quiet", "-p", "no:xdist")
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'base'}"],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " medians " in run.stdout
