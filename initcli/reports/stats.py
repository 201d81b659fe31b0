"""The report of `initcli stats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypedDict

from initcli.checks.contents import Contents
from initcli.checks.finding import Finding, Severity
from initcli.checks.gate import Gate
from initcli.checks.observation import Observation
from initcli.checks.registry import CHECKS, codes_of
from initcli.core.errors import InitcliError
from initcli.core.text import plural
from initcli.reports.identity import IdentityRow
from initcli.reports.inquiry import Examined, Inquiry, inquiry_of_tensors
from initcli.reports.rows import Rows
from initcli.reports.table import Records, Table, as_mapping, findings_document
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


class StatsDocument(TypedDict):
    """What `initcli stats` found.

    Attributes:
        checkpoints: What was read.
        tensors: The rows of the table: a tensor each, or a group with `--by`.
        total: All tensors pooled.
        findings: What checks found.
        identities: Which initialisation each tensor carries, if that was asked for.
    """

    checkpoints: tuple[Opened, ...]
    tensors: Annotated[Records, Rows(TensorRow)]
    total: TensorRow
    findings: Annotated[Records, Rows(Finding, is_whole=True)]
    identities: Annotated[Records, Rows(IdentityRow, is_whole=True)]


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
        asked: The codes of the checks that were asked.
        examined: What was asked of each checkpoint as a whole.
        gate: Which findings fail the run.
        failures: What could not be read, beside what could.
        identities: Which initialisation each tensor carries; empty if that was not asked for.
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
    asked: tuple[str, ...] = ()
    examined: tuple[Examined, ...] = ()
    gate: Gate = field(default_factory=Gate)
    failures: tuple[InitcliError, ...] = ()
    identities: tuple[IdentityRow, ...] = ()

    schema = "initcli.stats/1"

    @property
    def has_several(self) -> bool:
        """Whether findings may come from several checkpoints."""
        return len({*(each.path for each in self.checkpoints), *self._found_in}) > 1

    @property
    def _found_in(self) -> set[str]:
        return {finding.checkpoint for finding in self.findings}

    @property
    def told(self) -> Sequence[Finding]:
        """What no baseline knows of."""
        return [finding for finding in self.findings if not finding.known]

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        if not self.has_values:
            found = _counted(self.findings) if self.findings else ""
            return f"listed {plural(len(self.rows), 'tensor')}{found}; no value was read"
        if not self.rows:
            return f"{'passed' if self.passed else 'failed'}: there is no tensor to check"
        outcome = ("passed" if self.passed else "failed") + _counted(self.told)
        kinds = {Observation, Contents, *(CHECKS[code].of for code in self.asked)}
        every = len(codes_of(*kinds))
        if len(self.asked) < every:
            outcome += f", by {len(self.asked):,} of {plural(every, 'check')}"
        if known := len(self.findings) - len(self.told):
            outcome += f", {known:,} more that the baseline knows of"
        if not any(row.scheme for row in self.rows):
            return outcome
        judged = sum(row.ratio is not None or row.z is not None for row in self.rows)
        return f"{outcome}; {judged:,} of {plural(len(self.rows), 'tensor')} held against theory"

    @property
    def inquiry(self) -> Inquiry:
        """What checks were asked of every selected tensor, whatever the table shows."""
        return inquiry_of_tensors(self.rows, self.examined, self.asked, self.findings, self.gate)

    def document(self) -> StatsDocument:
        """Returns everything, for machines; the rows as the table shows them."""
        return {
            "checkpoints": self.checkpoints,
            "tensors": self.table.records(),
            "total": self.total,
            "findings": findings_document(self.findings),
            "identities": Records(self.identities, as_mapping),
        }


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    parts = [
        plural(counts[severity], severity.value)
        for severity in sorted(Severity, key=lambda each: -each.rank)
        if counts[severity]
    ]
    return f": {', '.join(parts)}" if parts else ": nothing found"
