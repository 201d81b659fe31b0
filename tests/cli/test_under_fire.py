"""Whatever happens while a checkpoint is written, its name holds the old one or the whole new."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shell import COMMAND, Run, neutral_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

SIZE = 1024
COUNT = 6
TARGETS = {
    "safetensors": ["-o", "out.safetensors"],
    "pt": ["-o", "out.pt"],
    "shards": ["-o", "out", "--max-shard-size", "10MB"],
}
Files = dict[str, bytes]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkpoint of zeros that takes no room, in a directory of its own."""
    each = SIZE * SIZE * 4
    header = {
        f"{number}.weight": {
            "dtype": "F32",
            "shape": [SIZE, SIZE],
            "data_offsets": [number * each, (number + 1) * each],
        }
        for number in range(COUNT)
    }
    raw = json.dumps(header).encode()
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "zeros.safetensors"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw)
    os.truncate(path, 8 + len(raw) + COUNT * each)
    return path


def arguments(source: Path, target: list[str], *more: str) -> list[str]:
    return ["init", str(source), "--scheme", "normal", "--jobs", "1", *target, *more]


def start(directory: Path, *given: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [COMMAND, *given],
        cwd=directory,
        env=neutral_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def files(directory: Path) -> Files:
    """Returns what lies below a directory, the input aside."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.parent.name != "in"
    }


def visible_files(directory: Path) -> Files:
    return {name: raw for name, raw in files(directory).items() if not name.startswith(".")}


def remove_output(directory: Path) -> None:
    for path in directory.glob("out*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def state(path: Path) -> tuple[int, ...]:
    """Returns what changes with a file, but for when it was read."""
    told = path.stat()
    return told.st_ino, told.st_size, told.st_mtime_ns, told.st_blocks


def is_writing(directory: Path) -> bool:
    return any(entry.name.endswith(".initcli.tmp") for entry in directory.iterdir())


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert happens()


def kill_while_writing(directory: Path, draw: list[str], seconds: float) -> None:
    child = start(directory, *draw)
    wait_until(lambda: is_writing(directory))
    time.sleep(seconds)
    child.kill()
    child.communicate()


@pytest.mark.parametrize("target", TARGETS)
def test_a_kill_at_any_moment_leaves_nothing_or_all(
    target: str, source: Path, run: Run, tmp_path: Path
) -> None:
    draw = arguments(source, TARGETS[target])
    assert run(*draw).returncode == 0
    whole, before = visible_files(tmp_path), state(source)
    random_ = random.Random(0)  # noqa: S311 - moments, which no run can repeat exactly
    for _ in range(3):
        remove_output(tmp_path)
        kill_while_writing(tmp_path, draw, random_.uniform(0, 0.5))
        assert visible_files(tmp_path) in ({}, whole)
    assert run(*draw, "--force").returncode == 0
    assert files(tmp_path) == whole  # and nothing is left over
    assert state(source) == before


@pytest.mark.parametrize("target", ["safetensors", "pt"])
def test_a_kill_leaves_the_old_file_or_the_new_one(
    target: str, source: Path, run: Run, tmp_path: Path
) -> None:
    draw = arguments(source, TARGETS[target], "--force")
    assert run(*draw).returncode == 0
    ((name, new),) = files(tmp_path).items()
    random_ = random.Random(1)  # noqa: S311 - likewise
    for _ in range(3):
        (tmp_path / name).write_bytes(b"old")
        kill_while_writing(tmp_path, draw, random_.uniform(0, 0.5))
        assert (tmp_path / name).read_bytes() in {b"old", new}


@pytest.mark.parametrize("target", TARGETS)
def test_of_two_writers_one_wins_whole(target: str, source: Path, run: Run, tmp_path: Path) -> None:
    drawn = []
    for seed in "12":
        assert run(*arguments(source, TARGETS[target], "--seed", seed)).returncode == 0
        drawn.append(files(tmp_path))
        remove_output(tmp_path)
    children = [
        start(tmp_path, *arguments(source, TARGETS[target], "--seed", seed)) for seed in "12"
    ]
    errors = [child.communicate()[1].decode() for child in children]
    codes = [child.returncode for child in children]
    assert sorted(codes) == [0, 2], errors
    assert files(tmp_path) == drawn[codes.index(0)]
    assert re.match(r"initcli: error E(104|206): ", errors[codes.index(2)])


@pytest.mark.parametrize("target", TARGETS)
def test_a_directory_that_vanishes_is_told(target: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    option, name, *more = TARGETS[target]
    child = start(tmp_path, *arguments(source, [option, f"there/{name}", *more]))
    wait_until(lambda: is_writing(tmp_path / "there"))
    shutil.rmtree(tmp_path / "there")
    _, error = child.communicate()
    assert child.returncode == 2
    assert error.startswith(b"initcli: error E206: cannot write: No such file or directory")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def powerless() -> list[str]:
    """Returns what makes a superuser obey modes."""
    if os.geteuid():
        return []
    if not shutil.which("setpriv"):
        pytest.skip("a superuser writes everywhere")
    return ["setpriv", "--bounding-set", "-dac_override"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_directory_that_is_read_only_is_told(target: str, source: Path, tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    place.chmod(0o555)
    option, name, *more = TARGETS[target]
    done = subprocess.run(
        [*powerless(), COMMAND, *arguments(source, [option, f"there/{name}", *more])],
        cwd=tmp_path,
        env=neutral_environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"initcli: error E206: cannot write: Permission denied")
    assert not list(place.iterdir())


def test_a_shard_that_is_lost_midway_is_told(run: Run, source: Path, tmp_path: Path) -> None:
    sharded = tmp_path / "in" / "shards"
    assert run(*arguments(source, ["-o", str(sharded), "--max-shard-size", "10MB"])).returncode == 0
    # The first is drawn, for a while, and the last is to be copied behind it.
    draw = ["-s", "0.weight", "--scheme", "orthogonal", "--jobs", "1", "-o", "out.safetensors"]
    child = start(tmp_path, "init", str(sharded), *draw)
    wait_until(lambda: is_writing(tmp_path))
    max(sharded.glob("*.safetensors")).unlink()
    _, error = child.communicate()
    assert child.returncode == 2, error
    assert error.startswith(b"initcli: error E201: cannot read: no such file or directory")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("target", TARGETS)
def test_a_signal_keeps_the_old_file(
    target: str, number: signal.Signals, source: Path, tmp_path: Path
) -> None:
    name = TARGETS[target][1]
    old = tmp_path / name / "kept.txt" if target == "shards" else tmp_path / name
    old.parent.mkdir(exist_ok=True)
    old.write_bytes(b"old")
    before = files(tmp_path)
    place = old.parent
    child = start(tmp_path, *arguments(source, TARGETS[target], "--force"))
    wait_until(lambda: is_writing(place))
    child.send_signal(number)
    child.communicate()
    assert child.returncode == 128 + number
    assert files(tmp_path) == before


SAID = r"write\(1, "
SINGLE = [r"fsync", r"link\(.*tmp\", \"out.safetensors\"", r"fsync", SAID]
SHARDS = [*[r"fsync"] * 4, r"link\(.*index", *[r"fsync"] * 2, r"rename\(.*\"out\"", r"fsync", SAID]


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize(("target", "order"), [("safetensors", SINGLE), ("shards", SHARDS)])
def test_all_is_durable_before_success_is_said(
    target: str, order: list[str], source: Path, tmp_path: Path
) -> None:
    calls = ["strace", "-f", "-e", "trace=fsync,rename,link,write", "-o", "calls", COMMAND]
    subprocess.run(
        [*calls, *arguments(source, TARGETS[target])],
        cwd=tmp_path,
        env=neutral_environment(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    lines = (tmp_path / "calls").read_text().splitlines()
    told = [line for line in lines if re.search(r"fsync|rename\(|link\(|write\(1, ", line)]
    kept = told[: len(order)]  # more of what is said may follow
    assert all(re.search(*each) for each in zip(order, kept, strict=True)), told
