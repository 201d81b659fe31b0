"""No file of PyTorch's kind does harm: it is read or refused, soon, and nothing of it is run."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archives import archive, hostile_archives, wide_key
from cases import Case
from initcli.commands.stats import stats
from initcli.core.errors import InitcliError
from pickles import RAN
from shell import Run, neutral_environment

HERE = Path(__file__).parent
CASES = list(hostile_archives())
SECONDS = 10  # of the processor: a shared machine may pause
MEGABYTES = 300


def test_there_are_many_and_no_two_of_one_name() -> None:
    assert len({each.name for each in CASES}) == len(CASES) > 1000


def outcome(path: Path) -> tuple[int, str]:
    """Returns how `stats` would end, and with what message; any other error is raised."""
    try:
        report = stats(path, columns="name,shape,dtype")
    except InitcliError as error:
        return error.exit_code, f"{error.message} {error.where} {error.hint}"
    return 0, " ".join(report.notes)


@pytest.mark.parametrize("part", range(8))
def test_each_ends_as_it_should(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pt"
    for each in CASES[part::8]:
        path.write_bytes(each.make())
        before, began = set(sys.modules), time.process_time()
        code, message = outcome(path)
        assert code in each.exits, f"{each.name}: {code}, {message}"
        assert time.process_time() - began < SECONDS, each.name
        assert len(message) < 2000, each.name
        assert message.isprintable(), each.name
        foreign = {name for name in set(sys.modules) - before if not name.startswith("initcli")}
        assert not foreign & {"antigravity", "subprocess", "torch"}, each.name
        assert [entry.name for entry in tmp_path.iterdir()] == ["w.pt"], each.name


MEASURE = """
import json, re, sys
from pathlib import Path
from initcli.commands.stats import stats
from initcli.core.errors import InitcliError
def peak_of(path):
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    try:
        stats(path, jobs=1)
    except InitcliError:
        pass
    told = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    return int(told[1]) >> 10
before, *more = [peak_of(path) for path in sys.stdin.read().split()]
print(json.dumps([peak - before for peak in more]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks as Linux tells them")
def test_none_takes_more_memory_than_is_promised(tmp_path: Path) -> None:
    """One process reads all of them, first a sound one, which imports what reading needs."""
    paths = [tmp_path / f"{number}.pt" for number in range(len(CASES) + 1)]
    for path, raw in zip(paths, (archive(), *(each.make() for each in CASES)), strict=True):
        path.write_bytes(raw)
    run = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
    )
    peaks = dict(zip([each.name for each in CASES], json.loads(run.stdout), strict=True))
    assert {name: peak for name, peak in peaks.items() if peak >= MEGABYTES} == {}
    assert max(peaks.values()) > 50  # bombs were met


def sample() -> list[Case]:
    return CASES[:: len(CASES) // 20]


@pytest.mark.parametrize("each", sample(), ids=lambda each: each.name[:60])
@pytest.mark.parametrize("command", [("stats", "w.pt"), ("compare", "w.pt", "w.pt")])
def test_the_command_ends_so_too(
    each: Case, command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "w.pt").write_bytes(each.make())
    ended = run(*command)
    assert ended.returncode in each.exits
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr) < 2000
    assert not [entry.name for entry in tmp_path.iterdir() if entry.name != "w.pt"]


def test_nothing_runs_that_python_would_run(tmp_path: Path) -> None:
    """The payloads are real: Python's own unpickler obeys them, in a process that may be lost."""
    from pickles import PAYLOADS

    obeyed = 0
    for name in ("REDUCE", "INST", "OBJ", "REDUCE eval"):
        (tmp_path / "payload").write_bytes(PAYLOADS[name] + b".")
        program = "import pickle; pickle.load(open('payload', 'rb'))"
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env=neutral_environment(),
            check=False,
            capture_output=True,
        )
        obeyed += (tmp_path / RAN).exists()
        (tmp_path / RAN).unlink(missing_ok=True)
    assert obeyed == 4


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_names_are_shown_escaped_and_cut(size: int, run: Run, tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(archive(wide_key(size)))
    ended = run("stats", "w.pt", "--columns", "name,mean")
    assert ended.returncode == 0
    assert "\u202e" not in ended.stdout + ended.stderr
