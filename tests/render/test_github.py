"""GitHub's annotations, read as its runner reads a log, and the summary of a step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from hostile import HOSTILE
from initcli.checks.finding import Finding, Severity
from initcli.render.formats import Format, renderer
from initcli.render.github import MOST, summary

Command = tuple[str, dict[str, str], str]
KNOWN = {"error", "warning", "notice", "debug", "group", "add-mask", "stop-commands", "set-output"}


def obeyed(log: str) -> Iterator[Command]:
    """Yields what actions/runner does on a log, by its ActionCommand.TryParseV2 and TryParse."""
    for line in log.split("\n"):
        assert "##[" not in line
        head = line.lstrip()
        end = head.find("::", 2)
        if not head.startswith("::") or end < 0:
            continue
        name, _, properties = head[2:end].partition(" ")
        if name in KNOWN:
            pairs = (pair.partition("=") for pair in properties.strip().split(",") if pair)
            yield (
                name,
                {key: unescaped(value, ":,") for key, _, value in pairs},
                unescaped(head[end + 2 :]),
            )


def unescaped(text: str, also: str = "") -> str:
    for character in f"\r\n{also}%":
        text = text.replace(f"%{ord(character):02X}", character)
    return text


@pytest.fixture
def faulty(samples: Path) -> initcli.StatsReport:
    return initcli.stats(samples / "faulty.safetensors")


def commands(report: initcli.StatsReport) -> list[Command]:
    return list(obeyed(renderer(Format.GITHUB)(report)))


def test_each_finding_is_an_annotation_where_it_was_found(faulty: initcli.StatsReport) -> None:
    found = commands(faulty)
    assert sorted((name, message) for name, _, message in found) == sorted(
        (each.severity.value, f"{each.tensor}: {each.message}") for each in faulty.findings
    )
    name, properties, _ = found[0]
    assert (name, properties["title"]) == ("error", "IC101 A value is NaN.")
    assert properties["file"] == faulty.findings[0].checkpoint


def test_a_title_keeps_its_commas_and_colons(faulty: initcli.StatsReport) -> None:
    finding = Finding("IC103", Severity.NOTE, "100%:w", "50% zero, %0A or so", "c:\\a,b=c")
    [(name, properties, message)] = commands(replace(faulty, findings=(finding,)))
    assert (name, message) == ("notice", "100%:w: 50% zero, %0A or so")
    assert properties == {
        "file": "c:\\a,b=c",
        "title": "IC103 A matrix holds nothing but zeros, and no scheme says it should.",
    }


def test_what_a_baseline_knows_is_a_notice(faulty: initcli.StatsReport) -> None:
    known = tuple(replace(finding, known=True) for finding in faulty.findings)
    assert {name for name, _, _ in commands(replace(faulty, findings=known))} == {"notice"}


@pytest.mark.parametrize("count", [0, 1, MOST, MOST + 1, 250])
@pytest.mark.parametrize("severity", list(Severity))
def test_there_are_as_many_annotations_as_are_shown(
    faulty: initcli.StatsReport, severity: Severity, count: int
) -> None:
    findings = tuple(Finding("IC101", severity, f"w{i}", "NaN", "f") for i in range(count))
    found = commands(replace(faulty, findings=findings))
    assert len(found) == min(count, MOST)
    if count > MOST:
        assert found[-1][2].startswith(f"and {count - MOST + 1:,} more")


@pytest.mark.parametrize("prefix", ["", "::error::", "::stop-commands::x\n", "x::add-mask::"])
def test_a_name_forges_no_command(tmp_path: Path, prefix: str) -> None:
    nan = np.full((2, 2), np.nan, np.float32)
    for name in HOSTILE:
        path = tmp_path / "hostile.safetensors"
        save_file({prefix + name: nan}, path)
        [(command, properties, message)] = commands(initcli.stats(path))
        assert (command, set(properties)) == ("error", {"file", "title"})
        assert message.endswith("4 of 4 values NaN") or len(name) > 1000
        assert "\n" not in message


def test_a_checkpoint_of_a_hostile_name_forges_no_command(faulty: initcli.StatsReport) -> None:
    path = "a,title=x::\n::stop-commands::y\n##[error]z"
    finding = Finding("IC101", Severity.ERROR, "w", "NaN", path)
    report = replace(faulty, findings=(finding,), notes=("::error::note", f"read {path}"))
    [(command, properties, message)] = commands(report)
    assert (command, message) == ("error", "w: NaN")
    assert properties["title"] == "IC101 A value is NaN."


def test_a_summary_is_the_markdown_form_where_it_fits(faulty: initcli.StatsReport) -> None:
    whole = renderer(Format.MARKDOWN)(faulty)
    size = len(whole.encode())
    assert summary(faulty, size) == whole
    short = summary(faulty, size - 1)
    assert len(short.encode()) < size
    assert "layers.1.weight" in short.replace("\\", "")
    assert faulty.verdict in short
    assert summary(faulty, 10) == ""
