"""Writes findings as lines for people, heaviest first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from initcli.checks.finding import Finding
from initcli.core.text import visible

MOST = 50


def told(findings: Sequence[Finding], *, names_checkpoints: bool) -> Iterator[tuple[Finding, str]]:
    """Yields the findings to show, heaviest first, with what was found where.

    Args:
        findings: What checks found.
        names_checkpoints: Whether there are several that it may have been found in.
    """
    is_alone = not names_checkpoints
    for finding in heapq.nsmallest(MOST, findings, key=lambda each: -each.severity.rank):
        places = (finding.tensor,) if is_alone else (finding.checkpoint, finding.tensor)
        where = " ".join(visible(place) for place in places if place)
        yield finding, f"{where}: " * bool(where) + visible(finding.message)


def beyond_most(findings: Sequence[Finding]) -> str:
    """Returns the line that stands for what is not shown; empty if all is."""
    more = len(findings) - MOST
    return f"and {more:,} more; --format json has them all" if more > 0 else ""


def finding_lines(findings: Sequence[Finding], *, names_checkpoints: bool) -> Iterator[str]:
    """Yields a line a finding."""
    for finding, what in told(findings, names_checkpoints=names_checkpoints):
        yield f"{finding.severity.value:<7}  {finding.code}  {what}"
    if last := beyond_most(findings):
        yield last
