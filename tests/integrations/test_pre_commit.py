"""The hooks of `.pre-commit-hooks.yaml`, valid and run by pre-commit in a repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from shell import COMMAND, ROOT, neutral_environment

MANIFEST = ROOT / ".pre-commit-hooks.yaml"


def hooks() -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text("utf-8"))
    return parsed


def run(place: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    env = neutral_environment(
        PATH=f"{COMMAND.parent}:{neutral_environment()['PATH']}",
        PRE_COMMIT_HOME=str(place / ".home"),
    )
    return subprocess.run(
        list(map(str, command)),
        cwd=place,
        env={key: each for key, each in env.items() if not key.startswith("GIT_")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_the_manifest_is_one_that_pre_commit_takes(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, "-m", "pre_commit", "validate-manifest", MANIFEST)
    assert done.returncode == 0, done.stdout
    assert {hook["language"] for hook in hooks()} == {"python"}


@pytest.fixture
def repository(tmp_path: Path, samples: Path) -> Path:
    """A repository that has the hooks, as they are but for the environment they run in."""
    run(tmp_path, "git", "init", "-q")
    local = [hook | {"language": "system"} for hook in hooks()]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    shutil.copy(samples / "digits_mlp.safetensors", tmp_path / "healthy.safetensors")
    (tmp_path / "notes.txt").write_text("no checkpoint")
    return tmp_path


def committed(place: Path, hook: str) -> subprocess.CompletedProcess[str]:
    run(place, "git", "add", "-A", "--", ":!.home")
    return run(place, sys.executable, "-m", "pre_commit", "run", hook)


@pytest.mark.parametrize("hook", [hook["id"] for hook in hooks()])
def test_a_hook_passes_what_is_healthy_and_stops_what_is_not(
    repository: Path, samples: Path, hook: str
) -> None:
    done = committed(repository, hook)
    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    shutil.copy(samples / "faulty.safetensors", repository / "broken.safetensors")
    done = committed(repository, hook)
    assert done.returncode == 1
    assert "IC101  broken.safetensors layers.1.weight: 1 of 6,400 values NaN" in done.stdout
    assert "exit code: 1" in done.stdout


def test_what_is_no_checkpoint_is_not_looked_at(repository: Path) -> None:
    (repository / "healthy.safetensors").unlink()
    done = committed(repository, "initcli-stats")
    assert done.returncode == 0
    assert "no files to check" in done.stdout
