"""Writes a report as a web page that holds all it needs, and that may load and run nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from operator import attrgetter

from initcli.checks.finding import Finding
from initcli.core.text import visible
from initcli.render.cells import writer
from initcli.reports.table import Column, Form, Report, Row, Table

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --error: #c22; --warning: #a60; --ok: #282; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.25rem; border-left: .4rem solid var(--ok); padding-left: .8rem; }
h1.failed { border-color: var(--error); }
ul { list-style: none; padding: 0; }
li { margin: .2rem 0; }
b { display: inline-block; min-width: 5rem; }
.error b { color: var(--error); }
.warning b { color: var(--warning); }
code, table { font: 13px/1.6 ui-monospace, monospace; }
div { overflow-x: auto; }
table { border-collapse: collapse; white-space: nowrap; }
th { text-align: left; position: sticky; top: 0; background: Canvas; }
th, td { padding: .1rem .8rem; border-bottom: 1px solid var(--line); unicode-bidi: isolate; }
td:first-child, th:first-child { padding-left: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tbody tr:hover { background: #8882; }
tfoot td { font-weight: bold; border: 0; padding-top: .5rem; }
footer { opacity: .7; margin-top: 2rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
_RIGHT = {Form.COUNT, Form.NUMBER}


def html_pieces(report: Report) -> Iterator[str]:
    """Yields the verdict, what was found, the table and the notes, line by line."""
    for line in _lines(report):
        yield f"{line}\n"


def _lines(report: Report) -> Iterator[str]:
    verdict = _text(report.verdict)
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"<title>initcli: {verdict}</title>"
    yield f"<style>{_STYLE}</style></head><body>"
    yield f'<h1 class="{"passed" if report.passed else "failed"}">{verdict}</h1>'
    yield from _list(_finding(each, report) for each in _heaviest_first(report.told))
    yield from _table(report.table)
    yield from _list(f"<li>{_text(note)}</li>" for note in report.notes)
    yield f"<footer>{_text(report.schema)}</footer></body></html>"


def _heaviest_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: -each.severity.rank)


def _finding(finding: Finding, report: Report) -> str:
    places = (finding.checkpoint if report.has_several else "", finding.tensor)
    where = " ".join(f"<code>{_text(place)}</code>" for place in places if place)
    severity = finding.severity.value
    what = f"<b>{severity}</b> {finding.code} {where} {_text(finding.message)}"
    return f'<li class="{severity}">{what}</li>'


def _list(items: Iterable[str]) -> Iterator[str]:
    yield "<ul>"
    yield from items
    yield "</ul>"


def _table(table: Table) -> Iterator[str]:
    yield "<div><table><thead><tr>"
    for column in table.columns:
        yield f'<th scope="col"{_class(column)}>{_text(column.title)}</th>'
    yield "</tr></thead><tbody>"
    for row in table.rows:
        yield _row(row, table.columns)
    yield "</tbody>"
    if table.total is not None:
        yield f"<tfoot>{_row(table.total, table.columns)}</tfoot>"
    yield "</table></div>"


def _row(row: Row, columns: Sequence[Column]) -> str:
    cells = (writer(each)(attrgetter(each.key)(row)) for each in columns)
    drawn = (f"<td{_class(one)}>{escape(text)}" for one, text in zip(columns, cells, strict=True))
    return f"<tr>{''.join(drawn)}</tr>"


def _class(column: Column) -> str:
    return ' class="number"' if column.form in _RIGHT else ""


def _text(text: str) -> str:
    return escape(visible(text))
