"""The report of `initcli stats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from initcli.checks.finding import Finding, Severity
from initcli.core.errors import InitcliError
from initcli.core.text import plural
from initcli.reports.table import Table, findings_document
from initcli.reports.tensor_row import TensorRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint that was read.

    Attributes:
        path: As the user gave it.
        shards: The number of its files.
        tensors: The number of tensors in it, selected or not.
        bytes: The size of its files.
        metadata: What its files say of themselves.
    """

    path: str
    shards: int
    tensors: int
    bytes: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StatsReport:
    """Every selected tensor's statistics, their total, and what checks found.

    Attributes:
        checkpoints: What was read.
        rows: One a selected tensor, whatever the table shows.
        total: All of them pooled.
        table: The rows to show: sorted, cut, or grouped.
        findings: What checks found.
        notes: What a reader should know.
        files: Every file that was read.
        passed: Whether the gate is open.
        has_values: Whether values were read, and not headers only.
        failures: What could not be read, beside what could.
    """

    checkpoints: tuple[Opened, ...]
    rows: tuple[TensorRow, ...]
    total: TensorRow
    table: Table
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    files: tuple[Path, ...]
    passed: bool
    has_values: bool = True
    failures: tuple[InitcliError, ...] = ()

    schema = "initcli.stats/1"

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        if not self.has_values:
            found = _counted(self.findings) if self.findings else ""
            return f"listed {plural(len(self.rows), 'tensor')}{found}; no value was read"
        if not self.rows:
            return f"{'passed' if self.passed else 'failed'}: there is no tensor to check"
        outcome = ("passed" if self.passed else "failed") + _counted(self.findings)
        if not any(row.scheme for row in self.rows):
            return outcome
        judged = sum(row.ratio is not None or row.z is not None for row in self.rows)
        return f"{outcome}; {judged:,} of {plural(len(self.rows), 'tensor')} held against theory"

    def document(self) -> dict[str, object]:
        """Returns everything, for machines; the rows as the table shows them."""
        return {
            "checkpoints": self.checkpoints,
            "tensors": self.table.records(),
            "total": self.total,
            "findings": findings_document(self.findings),
        }


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    parts = [
        plural(counts[severity], severity.value)
        for severity in sorted(Severity, key=lambda each: -each.rank)
        if counts[severity]
    ]
    return f": {', '.join(parts)}" if parts else ": nothing found"
