"""A report is written piece by piece, and never held whole as text."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

import initcli
from initcli.checks.finding import Finding, Severity
from initcli.cli.output import deliver
from initcli.cli.targets import Target
from initcli.render.formats import Format, streamer
from initcli.reports.table import Records, Table
from made import many

TENSORS = 2000
STREAMED = [Format.JSON, Format.JSONL, Format.CSV, Format.MARKDOWN]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> initcli.StatsReport:
    path = tmp_path_factory.mktemp("many") / "many.safetensors"
    return initcli.stats(many(path, "F32", TENSORS))


class Faulty:
    """A row that breaks whoever writes it."""

    def __getattr__(self, key: str) -> object:
        raise RuntimeError("broken row")


@pytest.fixture
def broken(report: initcli.StatsReport) -> initcli.StatsReport:
    table = report.table
    rows = (*table.rows, Faulty())
    return replace(report, table=Table(table.columns, rows, table.keys, table.total))


def test_records_are_a_sequence_of_which_each_is_made_when_asked_for() -> None:
    made: list[int] = []

    def make(row: int) -> dict[str, object]:
        made.append(row)
        return {"row": row}

    records = Records(range(10), make)
    assert (len(records), made) == (10, [])
    assert records[3] == {"row": 3}
    assert next(iter(records)) == {"row": 0}
    assert made == [3, 0]
    assert list(records[-2:]) == [{"row": 8}, {"row": 9}]
    assert {"row": 4} in records


def peak_and_written(report: initcli.StatsReport, form: Format) -> tuple[int, int]:
    """Returns the most memory that writing takes, and how much is written."""
    written = sum(map(len, streamer(form)(report)))
    tracemalloc.start()
    for _ in streamer(form)(report):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, written


@pytest.mark.parametrize("form", STREAMED)
def test_writing_takes_far_less_memory_than_what_is_written(
    report: initcli.StatsReport, form: Format
) -> None:
    peak, written = peak_and_written(report, form)
    assert peak < written / 5


@pytest.mark.parametrize("form", STREAMED)
def test_a_row_is_written_before_the_next_is_looked_at(
    broken: initcli.StatsReport, form: Format
) -> None:
    pieces = []
    with pytest.raises(RuntimeError, match="broken row"):
        pieces.extend(streamer(form)(broken))
    assert len(pieces) >= TENSORS


@pytest.mark.parametrize("form", STREAMED)
def test_what_fails_half_way_leaves_the_old_file(
    broken: initcli.StatsReport, tmp_path: Path, form: Format
) -> None:
    path = tmp_path / "report.out"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="broken row"):
        deliver(broken, [Target(form, path)])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def findings(report: initcli.StatsReport) -> initcli.StatsReport:
    # Far more is written than the cycles hold that the collector has not seen to yet.
    texts = [f"{count} NaN" for count in range(1, 6)]
    found = [
        Finding("IC101", Severity.ERROR, row.name, text, "f")
        for row in report.rows
        for text in texts
    ]
    return replace(report, findings=tuple(found), passed=False)


@pytest.mark.parametrize(("form", "share"), [(Format.SARIF, 0.2), (Format.JUNIT, 0.8)])
def test_findings_are_written_without_being_held_as_text(
    findings: initcli.StatsReport, form: Format, share: float
) -> None:
    peak, written = peak_and_written(findings, form)
    assert peak < written * share


@pytest.mark.parametrize("form", [Format.JUNIT, Format.SARIF, Format.GITHUB])
def test_a_finding_that_cannot_be_told_leaves_the_old_file(
    findings: initcli.StatsReport, tmp_path: Path, form: Format
) -> None:
    broken = replace(findings, findings=(*findings.findings, Faulty()))
    path = tmp_path / "report.out"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="broken row"):
        deliver(broken, [Target(form, path)])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_within_the_first_block_writes_nothing(
    broken: initcli.StatsReport, capsys: pytest.CaptureFixture[str]
) -> None:
    table = replace(broken.table, rows=broken.table.rows[-3:])
    with pytest.raises(RuntimeError, match="broken row"):
        deliver(replace(broken, table=table), [Target(Format.JSON)])
    assert capsys.readouterr().out == ""


def test_a_report_without_rows_is_whole(report: initcli.StatsReport) -> None:
    empty = replace(report, table=replace(report.table, rows=()))
    document = json.loads("".join(streamer(Format.JSON)(empty)))
    assert (document["tensors"], document["passed"]) == ([], True)
