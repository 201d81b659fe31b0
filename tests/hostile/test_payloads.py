"""The harness sees what it is there to see: payloads are real, and harm that is done is noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from attacked import VICTIM, Ending, faults_of
from cases import SOUND, case
from pickles import PAYLOADS, RAN
from shell import neutral_environment


@pytest.mark.parametrize("name", ["REDUCE", "INST", "OBJ", "REDUCE eval"])
def test_python_itself_obeys(name: str, tmp_path: Path) -> None:
    (tmp_path / "payload").write_bytes(PAYLOADS[name] + b".")
    program = "import pickle; pickle.load(open('payload', 'rb'))"
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=neutral_environment(),
        check=False,
        capture_output=True,
    )
    assert (tmp_path / RAN).exists()


HARM = """
import os, pickle, socket, subprocess, torch
open("/etc/passwd").close()
open("../beside", "w").close()
os.remove("../beside")
subprocess.run(["true"])
socket.socket().connect_ex(("127.0.0.1", 9))
pickle.loads(pickle.dumps(print))
def build():
    return torch.nn.Linear(2, 2)
"""
NOTICED = ["open '/etc/passwd'", "open '../beside'", "os.remove", "subprocess.Popen"]
NOTICED += ["socket.connect", "pickle.find_class", "torch"]


def test_harm_is_noticed(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "harm.py").write_text(HARM)
    done = subprocess.run(
        [sys.executable, VICTIM],
        cwd=here,
        env=neutral_environment(),
        input=json.dumps(["init", "harm.py:build", "--scheme", "normal", "--dry-run"]),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["code"] == 0, told["err"]
    for harm in NOTICED:
        assert any(each.startswith(harm) for each in told["did"]), harm


ERROR = "initcli: error E203: "


@pytest.mark.parametrize(
    ("ending", "fault"),
    [
        (Ending(None), "exit None"),
        (Ending(1), "exit 1"),
        (Ending(0, seconds=11), "11.0 s"),
        (Ending(0, peak=301), "301 MiB"),
        (Ending(0, did=("open 'x'",)), "it did"),
        (Ending(0, err="Traceback (most recent call last)"), "a traceback"),
        (Ending(0, err=ERROR + "x" * 1001), "a long message"),
        (Ending(0, out="w\x1b[31m"), "a control character"),
        (Ending(0, out="w\u202e"), "a control character"),
        (Ending(0, err="x\n::error::forged"), "a line that a CI runner obeys"),
    ],
)
def test_every_fault_is_found(ending: Ending, fault: str) -> None:
    (found,) = faults_of(case("sound", b"", SOUND), ending)
    assert found.startswith(fault)


def test_what_is_well_has_no_fault() -> None:
    assert not faults_of(case("sound", b"", SOUND), Ending(0, 9, 299, "w\u3000", "a note\n"))
