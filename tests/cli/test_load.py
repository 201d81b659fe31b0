"""Many shards, a huge file, many processes at once, and readers that go away."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from made import many, sparse
from reported import matrix
from shell import COMMAND, neutral_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX limits and signals")


def start(*arguments: str | Path, within: str = "") -> subprocess.Popen[str]:
    """Starts the command, within a shell's limits."""
    command = shlex.join(map(str, [COMMAND, *arguments]))
    return subprocess.Popen(
        ["bash", "-c", f"{within} {command}"],
        env=neutral_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of 200 shards."""
    directory = tmp_path_factory.mktemp("shards")
    places = {f"{number}.weight": f"{number}.safetensors" for number in range(200)}
    for name, file in places.items():
        save_file({name: matrix(4, 4).numpy()}, directory / file)
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return directory


@pytest.mark.parametrize("command", ["stats {0}", "compare {0} {0}", "init {0} -o {1}"])
def test_few_files_are_open_at_a_time(command: str, shards: Path, tmp_path: Path) -> None:
    """As 3,000 shards under the usual limit of 1,024."""
    given = command.format(shards, tmp_path / "out").split()
    drawn = ["--scheme", "normal"] if given[0] == "init" else []
    child = start(*given, *drawn, within="ulimit -n 64; exec")
    out, err = child.communicate()
    assert child.returncode == 0, err
    assert "199.weight" in out


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    """A file of 1 TiB of zeros, of which storage holds the header only."""
    try:
        return sparse(tmp_path / "huge.safetensors", "F32", 1 << 40)
    except OSError:
        pytest.skip("the file system takes no file of 1 TiB")


def test_a_tebibyte_is_listed_by_its_header(huge: Path) -> None:
    child = start("stats", huge, "--columns", "name,shape", within="ulimit -t 20; exec")
    out, err = child.communicate()
    assert child.returncode == 0, err
    assert "274877906944" in out.replace(",", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_statistics_of_a_tebibyte_are_interrupted(number: signal.Signals, huge: Path) -> None:
    child = start("stats", huge, within="exec")
    time.sleep(5)  # the file takes minutes at least
    began = time.monotonic()
    child.send_signal(number)
    out, err = child.communicate()
    assert time.monotonic() - began < 5  # a tenth of a second where nothing else runs
    assert (child.returncode, out, err) == (128 + number, "", "")


def test_processes_on_one_file_tell_the_same(samples: Path) -> None:
    children = [start("stats", samples / "tiny_gpt", within="exec") for _ in range(8)]
    told = {child.communicate() for child in children}
    assert [child.returncode for child in children] == [0] * 8
    ((out, err),) = told
    assert "tok.weight" in out
    assert not err


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown", "html"])
def test_a_pipe_that_head_closes_ends_quietly(form: str, tmp_path: Path) -> None:
    path = many(tmp_path / "many.safetensors", "F32", 3_000)
    command = shlex.join(map(str, [COMMAND, "stats", path, "--format", form, "--fail-on", "never"]))
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 1; exit $PIPESTATUS"],
        env=neutral_environment(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (141, b"")
    assert len(done.stdout) == 1
