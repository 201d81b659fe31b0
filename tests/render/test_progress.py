"""The bar: on a terminal only, only once work takes long, and gone when it ends."""

from __future__ import annotations

import io
import os
import signal
import threading
from pathlib import Path

import pytest

from initcli.core.progress import SILENT
from initcli.render.progress import TerminalProgress
from terminal import run_on_terminal, screen_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")

SCRIPT = """
import sys, time
from initcli.cli import boundary
from initcli.cli.output import progress
from initcli.core.errors import TruncatedError

def work():
    print("result")
    with progress() as shown:
        shown.start(2 << 20)
        shown.advance(1 << 20)
        {work}
    print("rich.progress" in sys.modules)
    return 0

boundary._run = work
sys.exit(boundary.main())
"""
LONG = "time.sleep(2.5)"
HALF = "1.0/2.1 MB"


def test_a_long_run_shows_a_bar_that_is_gone_at_its_end(tmp_path: Path) -> None:
    done = run_on_terminal(tmp_path, SCRIPT.format(work=LONG))
    assert (done.code, done.stdout) == (0, "result\nTrue\n")
    assert HALF in done.written
    assert done.screen == ""
    assert done.written.rindex("\x1b[?25h") > done.written.rindex("\x1b[?25l")


@pytest.mark.parametrize(("work", "term"), [("pass", "xterm"), (LONG, "dumb")])
def test_nothing_is_shown_of_short_work_or_on_a_dumb_terminal(
    tmp_path: Path, work: str, term: str
) -> None:
    done = run_on_terminal(tmp_path, SCRIPT.format(work=work), term=term)
    assert (done.code, done.written) == (0, "")
    assert done.stdout == "result\nFalse\n"


def test_an_error_stands_alone_on_the_screen(tmp_path: Path) -> None:
    work = f"{LONG}; raise TruncatedError('cut off')"
    done = run_on_terminal(tmp_path, SCRIPT.format(work=work))
    assert done.code == 2
    assert HALF in done.written
    assert done.screen == "initcli: error E204: truncated or changed file: cut off"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_bar(tmp_path: Path, number: signal.Signals) -> None:
    script = SCRIPT.format(work="time.sleep(60)")
    done = run_on_terminal(tmp_path, script, stop_at=HALF, number=number)
    assert done.code == 128 + number
    assert done.screen == ""
    assert done.written.rindex("\x1b[?25h") > done.written.rindex("\x1b[?25l")


def test_off_a_terminal_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from initcli.cli.output import progress

    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress() as shown:
        assert shown is SILENT
        shown.start(1)
        shown.advance(1)
    assert capsys.readouterr() == ("", "")


def test_threads_may_count_at_once() -> None:
    shown = TerminalProgress(io.StringIO(), patience=60)
    shown.start(40_000)
    threads = [
        threading.Thread(target=lambda: [shown.advance(1) for _ in range(10_000)]) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    shown.finish()
    shown.finish()
    assert shown.done == shown.total == 40_000


def test_a_terminal_that_goes_away_is_no_failure() -> None:
    refused = threading.Event()

    class Gone(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, _: str) -> int:
            refused.set()
            raise OSError(5, "Input/output error")

    shown = TerminalProgress(Gone(), patience=0)
    shown.start(1)
    assert refused.wait(30)
    shown.finish()


def test_the_screen_of_the_tests_plays_what_rich_sends() -> None:
    assert screen_of("bar\r\x1b[2Kdone\r\n") == "done"
    assert screen_of("one\ntwo\r\x1b[1A\x1b[2K") == "two"
