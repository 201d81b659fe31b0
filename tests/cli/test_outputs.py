"""One scan feeds every form of output that is asked for."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from initcli.cli.targets import Target, targets_of
from initcli.core.errors import InitcliError
from initcli.render.formats import Format
from initcli.render.github import SUMMARY_LIMIT
from shell import Run

TARGETS = [
    ([], None, [("table", None)]),
    ([], Format.JSON, [("json", None)]),
    (["x.json"], None, [("json", "x.json")]),
    (
        ["x.md", "y.xml", "z.sarif"],
        None,
        [("markdown", "x.md"), ("junit", "y.xml"), ("sarif", "z.sarif")],
    ),
    (["x.txt"], Format.CSV, [("csv", "x.txt")]),
    (["junit:x.txt"], None, [("junit", "x.txt")]),
    (["junit:x.txt"], Format.GITHUB, [("junit", "x.txt"), ("github", None)]),
    (["junit:x.txt", "y.csv"], Format.JSON, [("junit", "x.txt"), ("json", "y.csv")]),
    (["-"], None, [("table", None)]),
    (["-"], Format.JSON, [("json", None)]),
    (["github:-", "x.json"], None, [("github", None), ("json", "x.json")]),
    (["table:-"], None, [("table", None)]),
    (["C:x.json"], None, [("json", "C:x.json")]),
    (["./json:x.csv"], None, [("csv", "json:x.csv")]),
    (["json:json:x"], None, [("json", "json:x")]),
]


@pytest.mark.parametrize(("outputs", "form", "expected"), TARGETS, ids=str)
def test_a_form_stands_before_a_name_or_is_implied_by_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outputs: list[str],
    form: Format | None,
    expected: list[tuple[str, str | None]],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert targets_of(outputs, form) == tuple(
        Target(Format(form), Path(path) if path else None) for form, path in expected
    )


REFUSED = [
    (["json:-", "-"], None, "two forms would go to stdout"),
    (["json:-"], Format.CSV, "two forms would go to stdout"),
    (["x.json", "csv:./x.json"], None, "two outputs would stand under one name"),
    (["json:out"], None, "two outputs would stand under one name"),
    (["json:"], None, "no file is named"),
    ([""], None, "no file is named"),
    (["x.json", "y.abc"], None, "implies no form"),
    (["x.json", "sarif:y.safetensors"], None, "a checkpoint's name"),
    (["x.json", "json:model.onnx"], None, "a checkpoint's name"),
    (["x.json", "junit:absent/y.xml"], None, "directory does not exist"),
    (["x.json", "junit:."], None, "no regular file"),
]


@pytest.mark.parametrize(("outputs", "form", "message"), REFUSED, ids=str)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outputs: list[str],
    form: Format | None,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InitcliError, match=message):
        targets_of(outputs, form, reserved=Path("out"))


def test_one_scan_feeds_files_and_stdout(run: Run, samples: Path, tmp_path: Path) -> None:
    outputs = ["s.json", "junit:s.xml", "sarif:s", "s.csv", "github:-"]
    done = run(
        "stats",
        samples / "faulty.safetensors",
        *(word for each in outputs for word in ("-o", each)),
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("::error file=")
    document = json.loads((tmp_path / "s.json").read_text("utf-8"))
    results = json.loads((tmp_path / "s").read_text("utf-8"))["runs"][0]["results"]
    assert len(results) == len(document["findings"]) == done.stdout.count("::error ") + 2
    root = ET.fromstring((tmp_path / "s.xml").read_text("utf-8"))  # noqa: S314 - our own output
    assert int(root.attrib["failures"]) == done.stdout.count("::error ") + 1
    assert len((tmp_path / "s.csv").read_text("utf-8").splitlines()) == 25


def test_without_a_form_for_stdout_stderr_has_the_findings(run: Run, samples: Path) -> None:
    done = run("stats", samples / "faulty.safetensors", "-o", "s.json", "-o", "s.sarif")
    assert (done.returncode, done.stdout) == (1, "")
    assert "IC101  layers.1.weight" in done.stderr
    assert done.stderr.splitlines()[-1] == "initcli: failed: 3 errors, 2 warnings"


def test_compare_tells_a_ci_service_what_differs(run: Run, samples: Path, tmp_path: Path) -> None:
    a, b = samples / "digits_mlp.safetensors", samples / "faulty.safetensors"
    done = run("compare", a, b, "-s", "head.bias", "--format", "github", "-o", "sarif:d.sarif")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].endswith(
        "::head.bias: 10 of 10 values beyond tolerance, relative change 1.091"
    )
    [result] = json.loads((tmp_path / "d.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert result["ruleId"] == "IC401"
    assert run("compare", a, a, "--format", "github").stdout.startswith("no difference")


def test_init_reports_beside_its_checkpoint(run: Run, samples: Path, tmp_path: Path) -> None:
    source = f"{samples / 'mlp.py'}:mlp"
    options = ["--scheme", "normal", "-o", "x.safetensors"]
    done = run("init", source, *options, "--report", "r.json", "--report", "junit:r.xml")
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((tmp_path / "r.json").read_text("utf-8"))["output"] == "x.safetensors"
    assert (tmp_path / "r.xml").exists()
    assert (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize("report", ["json:model.py", "json:./x.pt", "json:x.pt"])
def test_a_report_of_init_replaces_neither_model_nor_checkpoint(
    run: Run, samples: Path, tmp_path: Path, report: str
) -> None:
    model = tmp_path / "model.py"
    model.write_bytes((samples / "mlp.py").read_bytes())
    done = run("init", "model.py:mlp", "--scheme", "normal", "-o", "x.pt", "--report", report)
    assert (done.returncode, done.stdout) == (2, "")
    assert "E104" in done.stderr
    assert model.read_bytes() == (samples / "mlp.py").read_bytes()
    assert not (tmp_path / "x.pt").exists()


def test_nothing_is_read_for_an_output_that_is_refused(run: Run) -> None:
    done = run("stats", "absent.safetensors", "-o", "a.json", "-o", "json:-", "-o", "csv:-")
    assert done.returncode == 2
    assert "two forms would go to stdout" in done.stderr


SUMMARY = "summary.md"


def test_the_summary_of_a_step_is_appended_to(run: Run, samples: Path, tmp_path: Path) -> None:
    (tmp_path / SUMMARY).write_text("before\n")
    env = {"GITHUB_STEP_SUMMARY": SUMMARY}
    faulty = samples / "faulty.safetensors"
    assert run("stats", faulty, "--format", "github", env=env).returncode == 1
    assert run("compare", faulty, faulty, "-o", "github:log", env=env).returncode == 0
    text = (tmp_path / SUMMARY).read_text("utf-8")
    assert text.startswith("before\n| name |")
    assert "**failed: 3 errors, 2 warnings**" in text
    assert "24 identical" in text
    assert run("stats", faulty, "--format", "markdown", env=env).stdout in text
    assert (tmp_path / SUMMARY).read_text("utf-8") == text


@pytest.mark.parametrize(("room", "expected"), [(2000, "failed: 3 errors"), (5, "")])
def test_a_summary_keeps_within_what_github_takes(
    run: Run, samples: Path, tmp_path: Path, room: int, expected: str
) -> None:
    (tmp_path / SUMMARY).write_bytes(b"x" * (SUMMARY_LIMIT - room))
    env = {"GITHUB_STEP_SUMMARY": SUMMARY}
    done = run("stats", samples / "faulty.safetensors", "--format", "github", env=env)
    written = (tmp_path / SUMMARY).read_bytes()[SUMMARY_LIMIT - room :].decode()
    assert len(written.encode()) <= room
    assert expected in written
    assert bool(written) is not ("summary is full" in done.stderr)


def test_a_summary_that_cannot_be_written_is_refused(run: Run, samples: Path) -> None:
    env = {"GITHUB_STEP_SUMMARY": "absent/summary.md"}
    done = run("stats", samples / "faulty.safetensors", "--format", "github", env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert "E104" in done.stderr
