"""What every test may use: the samples, the installed command, and golden files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

from shell import ROOT, SAMPLES, Run, run_command

# The same examples in every run, and no clock: a shared runner may pause for seconds.
settings.register_profile("initcli", deadline=None, derandomize=True)
settings.load_profile("initcli")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh", action="store_true", help="rewrite golden files and README")


@pytest.fixture
def samples() -> Path:
    return SAMPLES


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the installed command in a directory of its own."""
    return partial(run_command, tmp_path)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a golden file; `pytest --refresh` rewrites it instead."""

    def compare(name: str, text: str) -> None:
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--refresh"):
            path.write_bytes(text.encode())
        assert text == path.read_bytes().decode()

    return compare
