"""Every example in the help is run, on files of the names it uses."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from initcli.cli import compare_command, init_command, stats_command
from shell import SAMPLES, Run

EXAMPLES = [
    example
    for module in (init_command, stats_command, compare_command)
    for example in re.findall(r"`initcli (.+)`", module.EXAMPLES)
]


@pytest.fixture
def named_files(tmp_path: Path) -> Path:
    for name in ("model", "trained", "before", "after", "converted"):
        shutil.copy(SAMPLES / "digits_mlp.safetensors", tmp_path / f"{name}.safetensors")
    for name in ("model", "original", "base", "tuned"):
        (tmp_path / name).mkdir()
        shutil.copy(SAMPLES / "digits_mlp.safetensors", tmp_path / name)
    (tmp_path / "model.py").write_text(
        "from torch import nn\ndef build(width=8):\n    return nn.Linear(width, 4)\n"
    )
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES)
@pytest.mark.usefixtures("named_files")
def test_an_example_runs(run: Run, example: str) -> None:
    done = run(*shlex.split(example))
    is_judged = example.startswith("stats") and re.search("--(scheme|recipe)", example)
    expected = {1} if is_judged else {0}
    assert done.returncode in expected, done.stderr


def test_each_command_has_examples() -> None:
    assert len(EXAMPLES) >= 8
