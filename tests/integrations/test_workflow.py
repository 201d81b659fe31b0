"""What README.md tells users to put in their CI: its steps are run, and its hooks exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import initcli
from shell import COMMAND, ROOT, SAMPLES, neutral_environment

BLOCKS: list[dict[str, Any]] = [
    yaml.safe_load(body)
    for body in re.findall(
        r"^```yaml\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
]
WORKFLOW, HOOKS = BLOCKS
STEPS = {
    step["name"]: step["run"] for step in WORKFLOW["jobs"]["checkpoints"]["steps"] if "run" in step
}
INSTALL = "Install a clone of initcli"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository of checkpoints that are as they should be."""
    for name in ("model", "released"):
        shutil.copy(SAMPLES / "digits_mlp.safetensors", tmp_path / f"{name}.safetensors")
    fresh = tmp_path / "fresh.safetensors"
    initcli.init(SAMPLES / "mlp.py:mlp", fresh, recipe="torch_default")
    return tmp_path


def run(project: Path, step: str) -> subprocess.CompletedProcess[str]:
    """Runs a step as GitHub's runner does: `bash -e`, with a file for its summary."""
    env = neutral_environment(
        PATH=f"{COMMAND.parent}:{neutral_environment()['PATH']}",
        GITHUB_STEP_SUMMARY=str(project / f"{step}.md"),
    )
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("step", sorted(set(STEPS) - {INSTALL}))
def test_a_step_passes_on_what_is_sound(project: Path, step: str) -> None:
    done = run(project, step)
    assert done.returncode == 0, done.stderr
    assert "::error" not in done.stdout
    assert (project / f"{step}.md").read_text("utf-8").startswith("| name |")


BROKEN = [
    ("Broken weights", "faulty", "model", "IC101"),
    ("Unexpected changes", "faulty", "model", "IC402"),
    ("Initialisation", "digits_mlp", "fresh", "IC202"),
]


@pytest.mark.parametrize(("step", "sample", "name", "code"), BROKEN)
def test_a_step_fails_on_what_is_not(
    project: Path, step: str, sample: str, name: str, code: str
) -> None:
    shutil.copy(SAMPLES / f"{sample}.safetensors", project / f"{name}.safetensors")
    done = run(project, step)
    assert done.returncode == 1, done.stderr
    assert re.search(rf"^::error file={name}.safetensors,title={code} ", done.stdout, re.MULTILINE)
    assert code in (project / f"{step}.md").read_text("utf-8") or step == "Unexpected changes"


def test_every_step_that_runs_something_is_run_here() -> None:
    assert {step for step, *_ in BROKEN} == set(STEPS) - {INSTALL}
    assert STEPS[INSTALL].startswith("pip install ")


def test_what_is_uploaded_is_what_a_step_writes(project: Path) -> None:
    [upload] = [
        step
        for step in WORKFLOW["jobs"]["checkpoints"]["steps"]
        if "upload-sarif" in step.get("uses", "")
    ]
    assert run(project, "Broken weights").returncode == 0
    assert (project / upload["with"]["sarif_file"]).exists()


def test_the_hooks_it_names_are_offered(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(HOOKS), "utf-8")
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0
    offered = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    named = [hook["id"] for repo in HOOKS["repos"] for hook in repo["hooks"]]
    assert set(named) <= {hook["id"] for hook in offered}
