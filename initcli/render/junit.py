"""Writes what was asked and found as JUnit's XML: a case for each check and layer.

A layer is what names have in common but for their last part. A check that could not look at any
tensor of a layer is no case of it, since a case without a failure counts as passed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

from initcli.checks.finding import Finding
from initcli.checks.gate import Gate
from initcli.checks.registry import CHECKS
from initcli.core.text import inert, visible
from initcli.reports.inquiry import Examined, Inquiry
from initcli.reports.table import Report

Place = tuple[str, str]
"""A checkpoint and a layer of it; an empty layer for the checkpoint as a whole."""

Codes = tuple[str, ...]

Found = Mapping[str, list[Finding]]
"""What was found in one place, by the code of the check."""

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


@dataclass(frozen=True, slots=True)
class _Layer:
    """The cases of one place, of which most hold nothing."""

    codes: Codes
    found: Found

    def states(self, gate: Gate) -> Iterator[tuple[str, str]]:
        """Yields the code and the state of each case, which is empty if nothing was found."""
        for code in self.codes:
            yield code, _state(self.found.get(code, ()), gate)


def junit_pieces(report: Report) -> Iterator[str]:
    """Yields a suite a checkpoint, and last one whose only case is the verdict."""
    inquiry = report.inquiry
    layers = _layers(inquiry)
    tallies = _tallies(layers, inquiry.gate)
    verdict = _Tally(1, int(not report.passed))
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="initcli" {sum(tallies.values(), verdict)} errors="0">\n'
    for checkpoint, tally in tallies.items():
        yield f'  <testsuite name="{_attribute(checkpoint)}" {tally} errors="0">\n'
        for place, layer in layers.items():
            if place[0] == checkpoint:
                yield from _cases(place, layer, inquiry.gate)
        yield "  </testsuite>\n"
    yield from _verdict(report, verdict)
    yield "</testsuites>\n"


def _layers(inquiry: Inquiry) -> dict[Place, _Layer]:
    """Groups by layer what was asked, in the order of the tensors, and what was found."""
    asked = _asked(inquiry.examined)
    found: dict[Place, dict[str, list[Finding]]] = {}
    for finding in inquiry.findings:
        place = _place(finding)
        # What was asked of the checkpoint as a whole is told there, whichever tensor it names.
        if finding.code not in asked.get(place, ()):
            place = finding.checkpoint, ""
        found.setdefault(place, {}).setdefault(finding.code, []).append(finding)
    nothing: Found = {}
    return {
        place: _Layer(_union(asked.get(place, ()), tuple(held)), held)
        for place in (*asked, *(found.keys() - asked))
        for held in (found.get(place, nothing),)
    }


def _asked(examined: Iterable[Examined]) -> dict[Place, Codes]:
    asked: dict[Place, Codes] = {}
    for one in examined:
        place = _place(one)
        asked[place] = _union(asked.get(place, ()), one.codes)
    return asked


@lru_cache
def _union(some: Codes, others: Codes) -> Codes:
    """Returns all codes in order; of a hundred thousand layers most share one object."""
    return tuple(sorted({*some, *others}))


def _place(one: Examined | Finding) -> Place:
    return one.checkpoint, one.tensor and (one.tensor.rpartition(".")[0] or _TOP)


def _tallies(layers: Mapping[Place, _Layer], gate: Gate) -> dict[str, _Tally]:
    tallies = dict.fromkeys((checkpoint for checkpoint, _ in layers), _Tally())
    for (checkpoint, _), layer in layers.items():
        states = [state for _, state in layer.states(gate)]
        counted = _Tally(len(states), states.count("failure"), states.count("skipped"))
        tallies[checkpoint] += counted
    return tallies


def _state(findings: Collection[Finding], gate: Gate) -> str:
    if any(map(gate.fails, findings)):
        return "failure"
    if any(CHECKS[finding.code].is_coverage for finding in findings):
        return "skipped"
    return "system-out" if findings else ""


def _cases(place: Place, layer: _Layer, gate: Gate) -> Iterator[str]:
    checkpoint, name = map(_attribute, place)
    for code, state in layer.states(gate):
        title = f"{name or _WHOLE}: {_title(code)}"
        opening = f'    <testcase classname="{checkpoint}" name="{title}"'
        if state:
            yield f"{opening}>\n{_told(layer.found[code], state)}    </testcase>\n"
        else:
            yield f"{opening}/>\n"


@lru_cache
def _title(code: str) -> str:
    return _attribute(f"{code} {CHECKS[code].title}")


def _told(findings: list[Finding], state: str) -> str:
    lines = [f"{visible(each.tensor)}: {visible(each.message)}" for each in findings]
    marks = "" if state == "system-out" else f' message="{_attribute(lines[0])}"'
    kind = f' type="{findings[0].code}"' if state == "failure" else ""
    text = "\n".join(escape(inert(line)) for line in lines)
    return f"      <{state}{kind}{marks}>{text}</{state}>\n"


def _verdict(report: Report, tally: _Tally) -> Iterator[str]:
    name = _attribute(report.schema)
    yield f'  <testsuite name="initcli" {tally} errors="0">\n'
    yield f'    <testcase classname="initcli" name="{name}">\n'
    if report.passed:
        yield f"      <system-out>{escape(visible(report.verdict))}</system-out>\n"
    else:
        yield f'      <failure type="verdict" message="{_attribute(report.verdict)}"/>\n'
    yield "    </testcase>\n  </testsuite>\n"


def _attribute(text: str) -> str:
    """Escapes what stands in double quotes; what XML cannot hold is shown as on a terminal."""
    return escape(visible(text), {'"': "&quot;"})
