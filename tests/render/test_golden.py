"""What every form looks like, held by golden files; `pytest --refresh` rewrites them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import initcli
from initcli.render.formats import Format, renderer
from initcli.render.screen import Screen
from initcli.render.table import render_table
from initcli.reports.table import Report

SUFFIX = {
    Format.MARKDOWN: "md",
    Format.TABLE: "txt",
    Format.JUNIT: "junit.xml",
    Format.GITHUB: "github.txt",
}


def small_reports(samples: Path) -> dict[str, Report]:
    digits, faulty = samples / "digits_mlp.safetensors", samples / "faulty.safetensors"
    return {
        "stats": initcli.stats(
            faulty,
            select=["layers.[0-5].weight"],
            scheme="kaiming_uniform(a=2.236)",
            columns="+scheme",
        ),
        "compare": initcli.compare(digits, faulty, select=["head.*", "fc1.*", "layers.0.*"]),
        "init": initcli.init(samples / "mlp.py:mlp", scheme="orthogonal", dry_run=True),
        "schemes": initcli.list_schemes(),
    }


@pytest.fixture
def reports(samples: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Report]:
    monkeypatch.chdir(samples.parent)
    return small_reports(Path("sample_models"))


@pytest.mark.parametrize("form", [form for form in Format if form is not Format.SVG])
@pytest.mark.parametrize("command", ["stats", "compare", "init", "schemes"])
def test_a_report_looks_as_it_did(
    reports: dict[str, Report], golden: Callable[[str, str], None], command: str, form: Format
) -> None:
    report = reports[command]
    text = render_table(report, Screen()) if form is Format.TABLE else renderer(form)(report)
    golden(f"{command}.{SUFFIX.get(form, form)}", text)


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("command", ["stats", "compare"])
def test_a_terminal_shows_what_it_did(
    reports: dict[str, Report], golden: Callable[[str, str], None], command: str, width: int
) -> None:
    text = render_table(reports[command], Screen(width, color=True))
    golden(f"{command}-{width}.ansi", text)


def test_the_picture_in_the_readme_is_current(
    samples: Path, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(samples.parent)
    report = initcli.stats(
        "sample_models/faulty.safetensors",
        select=["*.weight"],
        scheme="kaiming_uniform(a=2.2360679775)",
        columns="name,shape,mean,std,hist,zeros,nan,inf,theory_variance,ratio,verdict",
    )
    golden("faulty.svg", renderer(Format.SVG)(report))
