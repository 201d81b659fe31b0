"""Writes what was asked and found as JUnit's XML: a case for each check and layer.

A layer is what names have in common but for their last part. A check that could not look at any
tensor of a layer is no case of it, since a case without a failure counts as passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from initcli.checks.finding import Finding
from initcli.checks.registry import CHECKS
from initcli.core.text import inert, visible
from initcli.reports.inquiry import Examined, Inquiry
from initcli.reports.table import Report

Place = tuple[str, str]
"""A checkpoint and a layer of it; an empty layer for the checkpoint as a whole."""

Cases = Mapping[Place, Mapping[str, list[Finding]]]
"""What was found, by place and by the code of the check."""

_WHOLE = "(checkpoint)"
_TOP = "(top)"


@dataclass(frozen=True, slots=True)
class _Tally:
    tests: int = 0
    failures: int = 0
    skipped: int = 0

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(
            self.tests + other.tests,
            self.failures + other.failures,
            self.skipped + other.skipped,
        )

    def __str__(self) -> str:
        return f'tests="{self.tests}" failures="{self.failures}" skipped="{self.skipped}"'


def junit_pieces(report: Report) -> Iterator[str]:
    """Yields a suite a checkpoint, and last one whose only case is the verdict."""
    inquiry = report.inquiry
    cases = _cases(inquiry)
    tallies = _tallies(cases, inquiry)
    verdict = _Tally(1, int(not report.passed))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="initcli" {sum(tallies.values(), verdict)} errors="0">\n'
    for checkpoint, tally in tallies.items():
        yield f'  <testsuite name={_quoted(checkpoint)} {tally} errors="0">\n'
        for place, found in cases.items():
            if place[0] == checkpoint:
                yield from _layer(place, found, inquiry)
        yield "  </testsuite>\n"
    yield from _verdict(report, verdict)
    yield "</testsuites>\n"


def _cases(inquiry: Inquiry) -> Cases:
    """Groups by layer what was asked, in the order of the tensors, and what was found."""
    cases: dict[Place, dict[str, list[Finding]]] = {}
    for one in inquiry.examined:
        found = cases.setdefault(_place(one), {})
        for code in one.codes:
            found.setdefault(code, [])
    for finding in inquiry.findings:
        place = _place(finding)
        # What was asked of the checkpoint as a whole is told there, whichever tensor it names.
        if finding.code not in cases.get(place, ()):
            place = finding.checkpoint, ""
        cases.setdefault(place, {}).setdefault(finding.code, []).append(finding)
    return cases


def _place(one: Examined | Finding) -> Place:
    return one.checkpoint, one.tensor and (one.tensor.rpartition(".")[0] or _TOP)


def _tallies(cases: Cases, inquiry: Inquiry) -> dict[str, _Tally]:
    tallies = dict.fromkeys((checkpoint for checkpoint, _ in cases), _Tally())
    for (checkpoint, _), found in cases.items():
        states = [_state(findings, inquiry) for findings in found.values()]
        failures, skipped = states.count("failure"), states.count("skipped")
        tallies[checkpoint] += _Tally(len(states), failures, skipped)
    return tallies


def _state(findings: Iterable[Finding], inquiry: Inquiry) -> str:
    if any(map(inquiry.gate.fails, findings)):
        return "failure"
    if any(CHECKS[finding.code].is_coverage for finding in findings):
        return "skipped"
    return "system-out"


def _layer(place: Place, found: Mapping[str, list[Finding]], inquiry: Inquiry) -> Iterator[str]:
    checkpoint, layer = place
    for code, findings in sorted(found.items()):
        name = _quoted(f"{layer or _WHOLE}: {code} {CHECKS[code].title}")
        opening = f"    <testcase classname={_quoted(checkpoint)} name={name}"
        if findings:
            yield f"{opening}>\n{_told(findings, _state(findings, inquiry))}    </testcase>\n"
        else:
            yield f"{opening}/>\n"


def _told(findings: list[Finding], state: str) -> str:
    lines = [f"{visible(each.tensor)}: {visible(each.message)}" for each in findings]
    marks = "" if state == "system-out" else f" message={_quoted(lines[0])}"
    kind = f' type="{findings[0].code}"' if state == "failure" else ""
    text = "\n".join(escape(inert(line)) for line in lines)
    return f"      <{state}{kind}{marks}>{text}</{state}>\n"


def _verdict(report: Report, tally: _Tally) -> Iterator[str]:
    text = visible(report.verdict)
    name = quoteattr(report.schema)
    yield f'  <testsuite name="initcli" {tally} errors="0">\n'
    yield f'    <testcase classname="initcli" name={name}>\n'
    if report.passed:
        yield f"      <system-out>{escape(text)}</system-out>\n"
    else:
        yield f'      <failure type="verdict" message={_quoted(text)}/>\n'
    yield "    </testcase>\n  </testsuite>\n"


def _quoted(text: str) -> str:
    """Quotes an attribute; what XML cannot hold is escaped as for a terminal."""
    return quoteattr(visible(text))
