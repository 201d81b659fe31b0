"""Names are data: one list of hostile names runs through every renderer."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import initcli
from hostile import HOSTILE
from initcli.render.findings import finding_lines
from initcli.render.formats import Format, renderer
from initcli.render.screen import Screen
from initcli.render.table import render_table

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def report(tmp_path: Path) -> initcli.StatsReport:
    values = np.full((2, 2), np.nan, np.float32)
    save_file(dict.fromkeys(HOSTILE, values), tmp_path / "hostile.safetensors")
    return initcli.stats(tmp_path / "hostile.safetensors")


def test_the_file_holds_every_name(report: initcli.StatsReport) -> None:
    assert {row.name for row in report.rows} == set(HOSTILE)


@pytest.mark.parametrize("width", [None, 80, 20])
def test_no_control_character_reaches_a_terminal(
    report: initcli.StatsReport, width: int | None
) -> None:
    text = render_table(report, Screen(width))
    assert not CONTROL.search(text)
    assert "[red]markup[/red]"[:5] in text


def test_a_name_forges_no_row(report: initcli.StatsReport) -> None:
    lines = render_table(report, Screen()).splitlines()
    assert len(lines) == 2 + len(HOSTILE) + 2 + len(HOSTILE) + 1
    assert not any(line.startswith("break") for line in lines)


def test_colour_comes_from_us_only(report: initcli.StatsReport) -> None:
    text = render_table(report, Screen(color=True))
    assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", text))
    assert "\x1b[31mred" not in text


def test_json_gives_names_back_whole(report: initcli.StatsReport) -> None:
    document = json.loads(renderer(Format.JSON)(report))
    assert {row["name"] for row in document["tensors"]} == set(HOSTILE)
    assert renderer(Format.JSON)(report).isascii()
    rows = [json.loads(line) for line in renderer(Format.JSONL)(report).splitlines()]
    assert [row["name"] for row in rows] == [row["name"] for row in document["tensors"]]
    assert all(row["findings"] == "IC101" for row in rows)


def test_csv_cells_are_neither_formulae_nor_control_characters(report: initcli.StatsReport) -> None:
    text = renderer(Format.CSV)(report)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(HOSTILE)
    for row in rows:
        assert not row["name"].startswith(("=", "+", "-", "@", "\t", "\r"))
        assert not CONTROL.search(row["name"])


def test_markdown_is_inert(report: initcli.StatsReport) -> None:
    text = renderer(Format.MARKDOWN)(report)
    assert not CONTROL.search(text)
    assert "<script" not in text
    assert "<!--" not in text
    assert not re.search(r"(?<!\\)@", text)
    table = [line for line in text.splitlines() if line.startswith("|")]
    cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table}
    assert len(cells) == 1
    assert len(table) == 2 + len(HOSTILE) + 1


COMMAND = re.compile(r"^(?:\s|\x1b\[[\d;]*m)*::|##\w*\[", re.MULTILINE)


@pytest.mark.parametrize("form", sorted(set(Format) - {Format.TABLE, Format.GITHUB}))
def test_a_ci_runner_finds_no_command_in_a_file(report: initcli.StatsReport, form: Format) -> None:
    assert not COMMAND.search(renderer(form)(report))


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("width", [None, *range(10, 60)])
def test_a_ci_runner_finds_no_command_in_a_table(
    report: initcli.StatsReport, width: int | None, *, color: bool
) -> None:
    assert not COMMAND.search(render_table(report, Screen(width, color=color)))


def test_a_ci_runner_finds_no_command_on_stderr(report: initcli.StatsReport) -> None:
    assert not COMMAND.search("\n".join(finding_lines(report.findings, names_checkpoints=True)))


def test_a_name_that_starts_like_a_command_stays_aligned(report: initcli.StatsReport) -> None:
    lines = render_table(report, Screen()).splitlines()
    [plain] = [line for line in lines if line.startswith("plain.weight ")]
    [forged] = [line for line in lines if line.startswith(r"\x3a:error::forged ")]
    assert len(plain) == len(forged)


class _Page(HTMLParser):
    """Collects what a browser would find."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = Counter[str]()
        self.attributes: set[str] = set()
        self.policy = ""
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}
        if ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"] or ""

    def handle_data(self, data: str) -> None:
        if self.lasttag == "style":
            self.style += data


def test_html_has_the_tags_of_ours_and_may_run_nothing(report: initcli.StatsReport) -> None:
    text = renderer(Format.HTML)(report)
    page = _Page()
    page.feed(text)
    assert not CONTROL.search(text)
    assert page.tags["tr"] == 1 + len(HOSTILE) + 1
    assert page.tags["li"] == len(report.told) + len(report.notes)
    rows = {"tr", "th", "td", "thead", "tbody", "tfoot", "table"}
    once = {"html", "head", "meta", "title", "style", "body", "h1", "ul", "div", "footer"}
    assert set(page.tags) <= rows | once | {"li", "b", "code"}
    assert page.attributes == {"lang", "charset", "http-equiv", "content", "name", "class", "scope"}
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest())
    assert page.policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest.decode()}'" in page.policy


def test_svg_is_well_formed_and_without_scripts(report: initcli.StatsReport) -> None:
    root = ET.fromstring(renderer(Format.SVG)(report))  # noqa: S314 - our own output
    assert not [element for element in root.iter() if element.tag.endswith("script")]
