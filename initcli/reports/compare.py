"""The report of `initcli compare`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypedDict

from initcli.checks.difference import Difference
from initcli.checks.drift import Drifted
from initcli.checks.finding import Finding
from initcli.checks.gate import Gate
from initcli.checks.registry import CHECKS
from initcli.core.errors import InitcliError
from initcli.core.text import plural
from initcli.reports.compare_groups import GroupRow
from initcli.reports.compare_row import CompareRow
from initcli.reports.compare_status import Status
from initcli.reports.inquiry import Inquiry, inquiry_of_names
from initcli.reports.proposal import Proposal
from initcli.reports.rows import Rows
from initcli.reports.table import Records, Table, findings_document

_TOLD_BY_ROWS = frozenset({Difference, Drifted})


class CompareDocument(TypedDict):
    """What `initcli compare` found.

    Attributes:
        a: The first path as the user gave it.
        b: The second.
        counts: How many tensors relate how.
        proposals: Renames that pair, or if followed have paired, what no name does.
        tensors: The rows of the table, a name each; groups of them with `--by`.
        findings: What checks found.
    """

    a: str
    b: str
    counts: Mapping[str, int]
    proposals: tuple[Proposal, ...]
    tensors: Annotated[Records, Rows(CompareRow, also=("shape", "dtype")), Rows(GroupRow)]
    findings: Annotated[Records, Rows(Finding, is_whole=True)]


@dataclass(frozen=True, slots=True)
class CompareReport:
    """What differs between two checkpoints.

    Attributes:
        a: The first path as the user gave it.
        b: The second.
        rows: One a name, those of A in A's order and then what only B holds.
        table: The rows to show.
        notes: What a reader should know.
        files: Every file that was read.
        passed: Whether the gate is open.
        proposals: Renames that pair, or if followed have paired, what no name does.
        findings: What checks found.
        failures: What could not be read, beside what could.
        asked: The codes of the checks that were asked.
        gate: Which findings fail the run.
    """

    a: str
    b: str
    rows: tuple[CompareRow, ...]
    table: Table
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    passed: bool
    proposals: tuple[Proposal, ...] = ()
    findings: tuple[Finding, ...] = ()
    failures: tuple[InitcliError, ...] = ()
    asked: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)

    schema = "initcli.compare/1"

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        is_different = any(row.is_difference for row in self.rows)
        outcome = "different" if is_different else f"no difference beyond {self._limit}"
        return f"{outcome}: {_counted(self.rows)} {self._limit}"

    @property
    def _limit(self) -> str:
        is_judged = any(row.status in {Status.ALIKE, Status.DRIFTED} for row in self.rows)
        return "sampling error" if is_judged else "tolerance"

    @property
    def has_several(self) -> bool:
        """Whether findings that the rows do not tell come from both."""
        return len({each.checkpoint for each in self.told}) > 1

    @property
    def told(self) -> Sequence[Finding]:
        """What is not a difference: of those the rows tell."""
        return [
            each
            for each in self.findings
            if CHECKS[each.code].is_coverage or CHECKS[each.code].of not in _TOLD_BY_ROWS
        ]

    @property
    def inquiry(self) -> Inquiry:
        """What was asked of every name, whatever the table shows."""
        names = (row.name for row in self.rows)
        return inquiry_of_names(self.b, names, self.asked, self.findings, self.gate)

    def document(self) -> CompareDocument:
        """Returns everything, for machines."""
        counts = Counter(str(row.status) for row in self.rows)
        return {
            "a": self.a,
            "b": self.b,
            "counts": counts,
            "proposals": self.proposals,
            "tensors": self.table.records(),
            "findings": findings_document(self.findings),
        }


def _counted(rows: Iterable[CompareRow]) -> str:
    counts = Counter(row.status for row in rows)
    beyond = sum(row.is_difference for row in rows)
    parts = ", ".join(f"{counts[status]:,} {status}" for status in Status if counts[status])
    return f"{parts or plural(0, 'tensor')}; {beyond:,} beyond"
