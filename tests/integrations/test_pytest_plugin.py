"""The fixture `assert_checkpoint`, in runs of pytest as a user's project has them."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from shell import SAMPLES, neutral_environment, run_command

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with tests, beside a healthy checkpoint and a broken one."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider")
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.02, (80, 80)).astype(np.float32)
    broken = values.copy()
    broken[3, 5] = np.nan
    save_file({"layer.weight": values}, pytester.path / "healthy.safetensors")
    save_file({"layer.weight": broken}, pytester.path / "nan.safetensors")
    return pytester


def outcome(project: pytest.Pytester, body: str) -> pytest.RunResult:
    project.makepyfile(f"def test_it(assert_checkpoint):\n    {body}\n")
    return project.runpytest_subprocess("-q")


PASSING = [
    'assert_checkpoint("healthy.safetensors")',
    'assert_checkpoint("healthy.safetensors", scheme="normal(std=0.02)", strict=True)',
    'assert_checkpoint("nan.safetensors", fail_on="never")',
    'assert_checkpoint("healthy.safetensors", "healthy.safetensors")',
    'assert assert_checkpoint("healthy.safetensors").rows[0].nan == 0',
    f"assert_checkpoint({str(SAMPLES / 'digits_mlp.safetensors')!r})",
]


@pytest.mark.parametrize("body", PASSING)
def test_a_healthy_checkpoint_passes(project: pytest.Pytester, body: str) -> None:
    outcome(project, body).assert_outcomes(passed=1)


FAILING = [
    (
        'assert_checkpoint("nan.safetensors")',
        [
            "E*AssertionError: failed: 1 error*",
            "E*error    IC101  layer.weight: 1 of 6,400 values NaN",
        ],
    ),
    (
        'assert_checkpoint("healthy.safetensors", scheme="normal(std=0.03)")',
        [
            "E*AssertionError: failed: 1 error; 1 of 1 tensor held*",
            "E*IC202  layer.weight: variance*",
        ],
    ),
    (
        'assert_checkpoint("healthy.safetensors", scheme="dirac", strict=True)',
        ["E*IC902  layer.weight: not checked against dirac*"],
    ),
    ('assert_checkpoint("absent.safetensors")', ["E*MissingError: no such file*"]),
    ('assert_checkpoint("healthy.safetensors", schem="normal")', ["E*TypeError*schem*"]),
]


@pytest.mark.parametrize(("body", "lines"), FAILING)
def test_a_broken_checkpoint_fails_with_what_was_found(
    project: pytest.Pytester, body: str, lines: list[str]
) -> None:
    result = outcome(project, body)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(lines)


def test_a_recipe_is_an_option_like_any_other(project: pytest.Pytester) -> None:
    # Drawn by another process: what is first imported in a test of pytester is forgotten after it.
    source, options = SAMPLES / "mlp.py:mlp", ["--recipe", "torch_default", "-o"]
    assert run_command(project.path, "init", source, *options, "fresh.safetensors").returncode == 0
    drawn = "assert_checkpoint('fresh.safetensors', recipe='torch_default')"
    outcome(project, drawn).assert_outcomes(passed=1)
    result = outcome(project, drawn.replace("torch_default", "gpt2"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*failed: * 6 of 6 tensors held against theory", "E*IC202  fc1*"])


def test_the_failure_is_shown_at_the_call(project: pytest.Pytester) -> None:
    result = outcome(project, 'assert_checkpoint("nan.safetensors")')
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


def test_the_plugin_is_found_once_the_package_is_installed() -> None:
    [found] = [each for each in entry_points(group="pytest11") if each.name == "initcli"]
    assert found.load().assert_checkpoint


def test_loading_the_plugin_imports_nothing_heavy(tmp_path: Path) -> None:
    probe = "import initcli.pytest_plugin, sys; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tmp_path,
        env=neutral_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {name for name in done.stdout.split() if name.partition(".")[0] == "initcli"}
    assert ours == {"initcli", "initcli.core", "initcli.core.version", "initcli.pytest_plugin"}
    assert {"numpy", "torch", "rich", "typer"}.isdisjoint(done.stdout.split())
