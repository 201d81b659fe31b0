"""Writes findings as lines for people, heaviest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from initcli.checks.finding import Finding
from initcli.core.text import visible

MOST = 50


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Returns the findings to show, heaviest first."""
    return sorted(findings, key=lambda finding: -finding.severity.rank)[:MOST]


def place(finding: Finding, findings: Sequence[Finding]) -> str:
    """Returns the tensor's name, with its checkpoint where findings come from several."""
    tensor = visible(finding.tensor)
    is_alone = len({each.checkpoint for each in findings}) == 1
    return tensor if is_alone else f"{visible(finding.checkpoint)} {tensor}"


def beyond_most(findings: Sequence[Finding]) -> str:
    """Returns the line that stands for what is not shown; empty if all is."""
    more = len(findings) - MOST
    return f"and {more:,} more; --format json has them all" if more > 0 else ""


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yields a line a finding."""
    for finding in ranked(findings):
        told = f"{place(finding, findings)}: {visible(finding.message)}"
        yield f"{finding.severity.value:<7}  {finding.code}  {told}"
    if last := beyond_most(findings):
        yield last
