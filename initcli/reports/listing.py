"""A plain list of rows as a report, for commands that look things up."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.checks.finding import Finding
from initcli.reports.table import Column, Form, Table


@dataclass(frozen=True, slots=True)
class SchemeRow:
    """A scheme in the table of schemes."""

    name: str
    parameters: str
    formula: str
    variance: str
    citation: str


SCHEME_COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("parameters", Form.TEXT, 50),
    Column("formula", Form.TEXT, 90),
    Column("variance", Form.TEXT, 80),
    Column("citation", Form.TEXT, 60),
)


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One property of a thing that is looked up."""

    field: str
    value: str


FIELD_COLUMNS = (Column("field", Form.TEXT, 100), Column("value", Form.TEXT, 99))


@dataclass(frozen=True, slots=True)
class ListingReport:
    """Rows that were looked up; a listing always passes."""

    schema: str
    table: Table
    verdict: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    passed: bool = True

    def document(self) -> dict[str, object]:
        """Returns everything, for machines."""
        return {"rows": self.table.records()}
