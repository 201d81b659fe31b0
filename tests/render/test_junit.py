"""JUnit: a case for each check and layer, and a failure where the gate is shut."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from initcli.checks.difference import Difference
from initcli.checks.finding import Finding, Severity
from initcli.checks.registry import codes_of
from initcli.render.formats import Format, renderer
from initcli.reports.table import Report
from reported import raw_file

Cases = dict[str, str]


def parsed(report: Report) -> ET.Element:
    return ET.fromstring(renderer(Format.JUNIT)(report))  # noqa: S314 - our own output


def cases(report: Report) -> Cases:
    """Returns each case's state by layer and code; a case without anything in it is silent."""
    found = {}
    for case in parsed(report).iter("testcase"):
        layer, _, rest = case.attrib["name"].partition(": ")
        states = [child.tag for child in case]
        found[" ".join((layer, *rest.split()[:1])).strip()] = states[0] if states else "silent"
    return found


@pytest.fixture
def small(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    values = {
        "a.weight": rng.normal(size=(20, 20)),
        "a.bias": np.zeros(20),
        "b.weight": np.full((20, 20), np.nan),
        "b.bias": np.full(20, np.inf),
        "c.weight": np.full((20, 20), 0.5),
        "alone": np.ones(3),
    }
    save_file(
        {name: each.astype(np.float32) for name, each in values.items()},
        tmp_path / "small.safetensors",
    )
    return tmp_path / "small.safetensors"


def test_a_case_is_a_check_of_a_layer(small: Path) -> None:
    found = cases(initcli.stats(small))
    assert found["a IC101"] == "silent"
    assert found["b IC101"] == found["b IC102"] == "failure"
    assert found["c IC104"] == "system-out"
    assert found["(top) IC101"] == "silent"
    assert found["initcli.stats/1"] == "failure"


def test_a_check_that_could_not_look_is_no_case(small: Path) -> None:
    plain = cases(initcli.stats(small))
    for code, options in {
        "IC105": {"hashes": True},
        "IC106": {"rows": True},
        "IC202": {"scheme": "normal"},
    }.items():
        assert f"a {code}" not in plain
        assert f"a {code}" in cases(initcli.stats(small, **options))
    listed = cases(initcli.stats(small, columns="name,shape"))
    assert set(listed) == {
        "initcli.stats/1",
        "(checkpoint) IC303",
        "(checkpoint) IC907",
        "(checkpoint) IC908",
    }
    assert not {"(checkpoint) IC301", "(checkpoint) IC306"} & set(plain)


def test_every_finding_of_a_layer_is_in_its_failure(tmp_path: Path) -> None:
    nan = np.full((2, 2), np.nan, np.float32)
    save_file({"l.a": nan, "l.b": nan}, tmp_path / "x.safetensors")
    [failure] = parsed(initcli.stats(tmp_path / "x.safetensors")).findall(
        ".//failure[@type='IC101']"
    )
    assert failure.attrib["message"] == "l.a: 4 of 4 values NaN"
    assert failure.text == "l.a: 4 of 4 values NaN\nl.b: 4 of 4 values NaN"


def test_what_was_not_checked_is_skipped_or_by_strict_fails(tmp_path: Path) -> None:
    path = raw_file(tmp_path, {"l.w": ("F6_E2M3", [4], b"\0\0\0")})
    found = cases(initcli.stats(path))
    assert (found["l IC901"], found["initcli.stats/1"]) == ("skipped", "system-out")
    assert "l IC101" not in found
    strict = cases(initcli.stats(path, strict=True))
    assert (strict["l IC901"], strict["initcli.stats/1"]) == ("failure", "failure")


@pytest.mark.parametrize(
    ("fail_on", "constant", "infinite"),
    [
        ("warning", "failure", "failure"),
        ("error", "system-out", "failure"),
        ("never", "system-out", "system-out"),
    ],
)
def test_what_fails_is_what_shuts_the_gate(
    small: Path, fail_on: str, constant: str, infinite: str
) -> None:
    report = initcli.stats(small, fail_on=fail_on)
    found = cases(report)
    assert (found["c IC104"], found["b IC102"]) == (constant, infinite)
    assert (found["initcli.stats/1"] == "failure") is not report.passed


def test_what_a_baseline_knows_does_not_fail(small: Path) -> None:
    report = initcli.stats(small)
    known = tuple(replace(finding, known=True) for finding in report.findings)
    found = cases(replace(report, findings=known, passed=True))
    assert "failure" not in found.values()
    assert found["b IC101"] == "system-out"


def test_what_was_asked_of_the_whole_is_told_of_the_whole(small: Path) -> None:
    report = initcli.stats(small)
    finding = Finding("IC301", Severity.ERROR, "a.weight", "missing", str(small))
    found = cases(replace(report, findings=(finding,)))
    assert found["(checkpoint) IC301"] == "failure"


def test_a_comparison_has_a_case_a_layer(small: Path, samples: Path) -> None:
    other = samples / "digits_mlp.safetensors"
    same = cases(initcli.compare(other, other))
    assert set(same.values()) == {"silent", "system-out"}
    codes = codes_of(Difference)
    layers = {f"{layer} {code}" for layer in ("fc1", "fc2", "head") for code in codes}
    assert set(same) == {*layers, "initcli.compare/1"}
    found = cases(initcli.compare(small, other))
    assert {found[f"{layer} IC403"] for layer in ("fc1", "fc2", "head")} == {"failure"}


@pytest.mark.parametrize("command", ["stats", "compare"])
def test_the_counts_are_those_of_the_cases(small: Path, samples: Path, command: str) -> None:
    paths = [small, samples / "faulty.safetensors"]
    root = parsed(getattr(initcli, command)(*paths))
    suites = root.findall("testsuite")
    for element in (root, *suites):
        found = list(element.iter("testcase"))
        for tag, attribute in (("failure", "failures"), ("skipped", "skipped")):
            count = sum(case.find(tag) is not None for case in found)
            assert int(element.attrib[attribute]) == count
        assert int(element.attrib["tests"]) == len(found)


def test_hostile_names_make_neither_elements_nor_cases(tmp_path: Path) -> None:
    names = [
        "a]]>.w",
        "<failure/>.w",
        '"><testcase name="forged.w',
        "&amp;.w",
        "nul\0.w",
        "\x1b[31m.w",
        "line\nbreak.w",
        "\ufffe.w",
        "\u202e.w",
        "",
        ".",
    ]
    nan = np.full((2, 2), np.nan, np.float32)
    save_file(dict.fromkeys(names, nan), tmp_path / "x.safetensors")
    report = initcli.stats(tmp_path / "x.safetensors")
    root = parsed(report)
    failures = root.findall(".//failure[@type='IC101']")
    assert sum(len((failure.text or "").splitlines()) for failure in failures) == len(names)
    assert {element.tag for element in root.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
    }
