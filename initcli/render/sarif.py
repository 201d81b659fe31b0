"""Writes findings as SARIF 2.1.0 (OASIS), which code scanning services take."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import quote

from initcli.checks.finding import Finding
from initcli.checks.registry import Check
from initcli.core.text import visible
from initcli.core.version import VERSION
from initcli.render.json_document import pieces
from initcli.reports.table import Record, Records, Report

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_SPECIAL = re.compile(r"([\\\[\]])")
_FINGERPRINT = "tensorAndCheck/v1"
# A log is a list of runs, a run an object, and its results a list: written one at a time.
_LEVELS = 4


def sarif_pieces(report: Report) -> Iterator[str]:
    """Yields a log of one run, result by result; the same input gives the same bytes."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    yield from pieces(log, _LEVELS)
    yield "\n"


def _run(report: Report) -> Record:
    inquiry = report.inquiry
    checks = inquiry.checks
    place = {each.code: number for number, each in enumerate(checks)}
    has_baseline = any(finding.known for finding in inquiry.findings)

    def result(finding: Finding) -> Record:
        found = _result(finding) | {"ruleIndex": place[finding.code]}
        return found | _standing(finding) if has_baseline else found

    return {
        "tool": {"driver": _driver(checks)},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": Records(inquiry.findings, result),
    }


def _driver(checks: list[Check]) -> Record:
    rules = [_rule(each) for each in checks]
    return {"name": "initcli", "version": VERSION, "semanticVersion": VERSION, "rules": rules}


def _rule(check: Check) -> Record:
    sentences = (check.title, check.why, f"What to do: {check.advice}.")
    return {
        "id": check.code,
        "shortDescription": _message(check.title),
        "fullDescription": _message(f"{check.title} {check.why}".strip()),
        "help": _message(" ".join(filter(None, sentences))),
        "defaultConfiguration": {"level": check.severity.value},
        "properties": {"looksAt": check.looks_at},
    }


def _invocation(report: Report) -> Record:
    """Says how the run ended; where it shut the gate, it did its work."""
    notes = [{"level": "note", "message": _message(note)} for note in report.notes]
    failures = [
        {"level": "error", "message": _message(f"{each.code}: {each.message}")}
        for each in report.failures
    ]
    return {
        "executionSuccessful": not failures,
        "exitCode": 2 if failures else 0 if report.passed else 1,
        "exitCodeDescription": visible(report.verdict),
        "toolExecutionNotifications": [*failures, *notes],
    }


def _result(finding: Finding) -> Record:
    where = f"{finding.tensor}: " if finding.tensor else ""
    return {
        "ruleId": finding.code,
        "level": finding.severity.value,
        "message": _message(f"{where}{finding.message}"),
        "locations": [_location(finding)],
        "partialFingerprints": {_FINGERPRINT: _fingerprint(finding)},
    }


def _location(finding: Finding) -> Record:
    # GitHub shows no result without a line, although a checkpoint has none.
    physical = {"artifactLocation": {"uri": _uri(finding.checkpoint)}, "region": {"startLine": 1}}
    if not finding.tensor:
        return {"physicalLocation": physical}
    logical = [{"fullyQualifiedName": finding.tensor, "kind": "tensor"}]
    return {"physicalLocation": physical, "logicalLocations": logical}


def _standing(finding: Finding) -> Record:
    """Tells what a baseline has from what is new; the standard has all results say it, or none."""
    if not finding.known:
        return {"baselineState": "new"}
    suppression = {"kind": "external", "justification": "known to the baseline"}
    return {"baselineState": "unchanged", "suppressions": [suppression]}


def _fingerprint(finding: Finding) -> str:
    """Identifies a finding over runs, in which its numbers may change."""
    identity = f"{finding.code}\0{finding.checkpoint}\0{finding.tensor}"
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()


def _uri(path: str) -> str:
    pure = PurePath(path)
    if pure.is_absolute():
        return pure.as_uri()
    # A colon in the first part of a relative reference would be read as a scheme's.
    return quote(pure.as_posix().encode("utf-8", "surrogateescape"), safe="/")


def _message(text: str) -> Record:
    """Wraps a text in which a viewer would see links in brackets, and placeholders in braces."""
    shown = _SPECIAL.sub(r"\\\1", visible(text))
    return {"text": shown.replace("{", "{{").replace("}", "}}")}
