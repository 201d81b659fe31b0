"""The report of `initcli init`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, TypedDict

from initcli.checks.finding import Finding
from initcli.core.errors import InitcliError
from initcli.core.text import plural
from initcli.reports.inquiry import NOTHING_ASKED, Inquiry
from initcli.reports.rows import Rows
from initcli.reports.table import Records, Table
from initcli.reports.tensor_row import TensorRow


class InitDocument(TypedDict):
    """What `initcli init` wrote.

    Attributes:
        source: The model or checkpoint as the user named it.
        output: What was written; null for a dry run.
        seed: What every draw was keyed by, beside the tensor's name.
        tensors: The rows of the table, a tensor each.
    """

    source: str
    output: str | None
    seed: int
    tensors: Annotated[Records, Rows(TensorRow)]


@dataclass(frozen=True, slots=True)
class InitReport:
    """What was written, tensor by tensor.

    Attributes:
        source: The model or checkpoint as the user named it.
        output: What was written; None for a dry run.
        seed: What every draw was keyed by, beside the tensor's name.
        rows: One a tensor, in the source's order.
        table: The rows to show.
        notes: What a reader should know.
    """

    source: str
    output: str | None
    seed: int
    rows: tuple[TensorRow, ...]
    table: Table
    notes: tuple[str, ...]

    schema = "initcli.init/1"
    findings: tuple[Finding, ...] = ()
    told: tuple[Finding, ...] = ()
    has_several: bool = False
    inquiry: Inquiry = NOTHING_ASKED
    passed: bool = True
    failures: tuple[InitcliError, ...] = ()

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        counts = Counter(row.action for row in self.rows)
        parts = ", ".join(
            f"{count:,} {action}" for action, count in sorted(counts.items(), key=str)
        )
        where = f"wrote {self.output}" if self.output else "dry run, nothing written"
        return f"{where}: {parts or plural(0, 'tensor')}, seed {self.seed}"

    def document(self) -> InitDocument:
        """Returns everything, for machines."""
        return {
            "source": self.source,
            "output": self.output,
            "seed": self.seed,
            "tensors": self.table.records(),
        }
