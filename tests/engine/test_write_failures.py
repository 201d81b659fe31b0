"""Modes follow the umask; a full disk is known at once; a signal midway leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shell import ROOT, neutral_environment


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize(("mask", "mode"), [("022", 0o644), ("077", 0o600), ("002", 0o664)])
def test_modes_follow_the_umask(mask: str, mode: int, sharded: bool, tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from initcli.engine.write import write_checkpoint\n"
        "from initcli.formats.writing.output import Contents, plan_output\n"
        f"os.umask(0o{mask})\n"
        f"contents, limit = Contents({{}}, {{}}, {{}}), {1 if sharded else None}\n"
        "target = plan_output(Path(sys.argv[1]), contents, limit)\n"
        "write_checkpoint(target, lambda spec: [], overwrite=False)\n"
    )
    path = tmp_path / ("out" if sharded else "out.safetensors")
    subprocess.run([sys.executable, "-c", script, path], check=True)
    file = path / "model.safetensors" if sharded else path
    assert stat.S_IMODE(file.stat().st_mode) == mode


FULL_DISK = """
import resource, sys
from pathlib import Path
from initcli.core.dtypes import DTYPES
from initcli.core.errors import WriteError
from initcli.core.tensor import TensorSpec
from initcli.engine.write import write_checkpoint
from initcli.formats.writing.output import Contents, plan_output

resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
sizes = {"a": 1, "b": 1 << 20}
specs = {name: TensorSpec(name, DTYPES["F32"], (size,)) for name, size in sizes.items()}
try:
    target = plan_output(Path(sys.argv[1]), Contents(specs, {}, specs), eval(sys.argv[2]))
    write_checkpoint(target, lambda _: print("drawn in vain") or [], overwrite=True)
except WriteError as error:
    print(error.code, error.message)
"""


@pytest.mark.parametrize(
    ("name", "limit"), [("w.safetensors", None), ("w.pt", None), ("shards", 1024)]
)
@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_is_known_before_anything_is_drawn(
    name: str, limit: int | None, exists: bool, tmp_path: Path
) -> None:
    target = tmp_path / name
    old = target / "config.json" if limit else target
    if exists:
        old.parent.mkdir(exist_ok=True)
        old.write_bytes(b"old")
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, target, str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "E206 File too large\n"
    left = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == ({old: b"old"} if exists else {})


MODEL = """
from torch import nn

def build():
    return nn.Sequential(*(nn.Linear(1024, 1024, bias=False) for _ in range(48)))
"""


def hidden(directory: Path) -> list[Path]:
    return list(directory.glob(".out*.tmp"))


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("number", "output"),
    [
        (signal.SIGINT, ["-o", "out.safetensors"]),
        (signal.SIGTERM, ["-o", "out.pt"]),
        (signal.SIGTERM, ["-o", "out", "--max-shard-size", "20MB"]),
    ],
)
def test_a_signal_while_tensors_are_written_leaves_nothing(
    number: signal.Signals, output: list[str], tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    draw = ["init", "model.py:build", "--scheme", "orthogonal", "--jobs", "2"]
    child = subprocess.Popen(
        [sys.executable, "-m", "initcli", *draw, *output],
        cwd=tmp_path,
        env=neutral_environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not hidden(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)  # until workers draw, who have seconds of work
    was_writing = bool(hidden(tmp_path))
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert was_writing
    assert child.returncode == 128 + number
    assert b"Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
