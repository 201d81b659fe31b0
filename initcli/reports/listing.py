"""A plain list of rows as a report, for commands that look things up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class RecipeRow:
    """A recipe in the table of recipes."""

    name: str
    rules: int
    summary: str
    source: str


RECIPE_COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("rules", Form.COUNT, 50),
    Column("summary", Form.TEXT, 90),
    Column("source", Form.TEXT, 60),
)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule of a recipe, in its place among the others."""

    rule: int
    tensors: str
    scheme: str
    layout: str | None = None
    dtype: str | None = None
    zero_row: str | None = None
    note: str | None = None


RULE_COLUMNS = (
    Column("rule", Form.COUNT, 100),
    Column("tensors", Form.TEXT, 100),
    Column("scheme", Form.TEXT, 100),
    Column("layout", Form.TEXT, 80),
    Column("dtype", Form.TEXT, 80),
    Column("zero_row", Form.TEXT, 70),
    Column("note", Form.TEXT, 60),
)


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One property of a thing that is looked up."""

    field: str
    value: str


FIELD_COLUMNS = (Column("field", Form.TEXT, 100), Column("value", Form.TEXT, 99))


@dataclass(frozen=True, slots=True)
class ListingReport:
    """Rows that were looked up; a listing always passes.

    Attributes:
        facts: What else machines are told, by name.
    """

    schema: str
    table: Table
    verdict: str
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    passed: bool = True
    facts: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Returns everything, for machines."""
        return {**self.facts, "rows": self.table.records()}
