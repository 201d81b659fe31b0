"""SARIF: held by the schema of its standard, and by what code scanning services do with it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from initcli.checks.finding import Finding, Severity
from initcli.checks.registry import CHECKS
from initcli.render.formats import Format, renderer
from initcli.reports.table import Report
from shell import ROOT

SCHEMA = json.loads((ROOT / "tests/schemas/sarif-2.1.0-rtm.5.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def run_of(report: Report) -> dict[str, Any]:
    """Returns the one run of a log that its standard accepts."""
    log = json.loads(renderer(Format.SARIF)(report))
    VALIDATOR.validate(log)
    [run] = log["runs"]
    return run


@pytest.fixture
def faulty(samples: Path) -> initcli.StatsReport:
    return initcli.stats(samples / "faulty.safetensors", hashes=True, rows=True, scheme="normal")


def test_each_finding_is_a_result_of_a_rule(faulty: initcli.StatsReport) -> None:
    run = run_of(faulty)
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(faulty.findings)
    for result, finding in zip(run["results"], faulty.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["level"] == finding.severity.value
        assert result["message"]["text"] == f"{finding.tensor}: {finding.message}"
        [location] = result["locations"]
        assert location["logicalLocations"][0]["fullyQualifiedName"] == finding.tensor


def test_each_check_that_was_asked_is_a_rule_with_its_help(faulty: initcli.StatsReport) -> None:
    rules = run_of(faulty)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(faulty.asked)
    for rule in rules:
        check = CHECKS[rule["id"]]
        assert check.why in rule["help"]["text"]
        assert check.advice in rule["help"]["text"]


def test_a_comparison_is_told_by_the_second_checkpoint(samples: Path) -> None:
    a, b = samples / "digits_mlp.safetensors", samples / "faulty.safetensors"
    run = run_of(initcli.compare(a, b))
    assert {result["ruleId"] for result in run["results"]} == {"IC401", "IC402", "IC403", "IC404"}
    places = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    }
    assert places == {b.as_uri()}
    assert run["invocations"][0]["exitCode"] == 1


def test_what_asks_nothing_finds_nothing(samples: Path) -> None:
    for report in (
        initcli.list_schemes(),
        initcli.init(samples / "mlp.py:mlp", scheme="normal", dry_run=True),
        initcli.stats(samples / "digits_mlp.safetensors", columns="name,shape"),
    ):
        run = run_of(report)
        assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
        assert run["invocations"][0]["exitCode"] == 0


def test_a_fingerprint_outlives_the_numbers_of_its_finding(faulty: initcli.StatsReport) -> None:
    def prints(report: initcli.StatsReport) -> list[str]:
        return [
            next(iter(one["partialFingerprints"].values())) for one in run_of(report)["results"]
        ]

    retold = tuple(replace(finding, message="other numbers") for finding in faulty.findings)
    assert prints(replace(faulty, findings=retold)) == prints(faulty)
    assert len(set(prints(faulty))) == len(faulty.findings)


def test_what_a_baseline_knows_is_unchanged_and_suppressed(faulty: initcli.StatsReport) -> None:
    first, *others = faulty.findings
    run = run_of(replace(faulty, findings=(replace(first, known=True), *others)))
    states = [result["baselineState"] for result in run["results"]]
    assert states == ["unchanged", *["new"] * len(others)]
    assert [bool(one.get("suppressions")) for one in run["results"]] == [
        True,
        *[False] * len(others),
    ]
    assert all("baselineState" not in result for result in run_of(faulty)["results"])


def test_a_text_holds_neither_links_nor_placeholders_of_a_name(
    faulty: initcli.StatsReport,
) -> None:
    name = "[click](http://evil) {0} ]\\"
    finding = Finding("IC101", Severity.ERROR, name, "1 NaN", "f")
    [result] = run_of(replace(faulty, findings=(finding,)))["results"]
    assert result["message"]["text"] == r"\[click\](http://evil) {{0}} \]\\: 1 NaN"
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == name


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("models/a b.safetensors", "models/a%20b.safetensors"),
        ("c:odd#?.safetensors", "c%3Aodd%23%3F.safetensors"),
        ("/models/x.safetensors", "file:///models/x.safetensors"),
        ("gewichte/ü.safetensors", "gewichte/%C3%BC.safetensors"),
    ],
)
def test_a_path_is_told_as_a_uri(faulty: initcli.StatsReport, path: str, uri: str) -> None:
    finding = Finding("IC101", Severity.ERROR, "w", "1 NaN", path)
    [result] = run_of(replace(faulty, findings=(finding,)))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
    assert place["region"]["startLine"] == 1


def test_what_concerns_the_whole_checkpoint_names_no_tensor(faulty: initcli.StatsReport) -> None:
    finding = Finding("IC101", Severity.ERROR, "", "1 NaN", "f")
    [result] = run_of(replace(faulty, findings=(finding,)))["results"]
    assert result["message"]["text"] == "1 NaN"
    assert "logicalLocations" not in result["locations"][0]


def test_a_mutated_log_is_refused(faulty: initcli.StatsReport) -> None:
    log = json.loads(renderer(Format.SARIF)(faulty))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError, match="fatal"):
        VALIDATOR.validate(log)


def test_hostile_names_come_back_whole(tmp_path: Path) -> None:
    names = ["esc\x1b[31m", "##[error]x", "line\n::error::x", "bidi\u202e", "a]]>b", "", "."]
    nan = np.full((2, 2), np.nan, np.float32)
    save_file(dict.fromkeys(names, nan), tmp_path / "x.safetensors")
    run = run_of(initcli.stats(tmp_path / "x.safetensors"))
    told = [
        logical["fullyQualifiedName"]
        for result in run["results"]
        for logical in result["locations"][0].get("logicalLocations", [{"fullyQualifiedName": ""}])
    ]
    assert sorted(told) == sorted(names)
