"""A plain list of rows as a report, for commands that look things up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from initcli.checks.finding import Finding
from initcli.core.errors import InitcliError
from initcli.reports.inquiry import NOTHING_ASKED, Inquiry
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
class GainRow:
    """A nonlinearity φ in the table of gains, of z ~ N(0, 1).

    Attributes:
        name: The nonlinearity.
        torch_gain: What torch.nn.init.calculate_gain returns; None where it raises.
        moment_gain: E[φ²]^(−1/2).
        std_gain: Var[φ]^(−1/2).
        backward_gain: E[φ′²]^(−1/2).
        chi_1: χ₁ = E[φ′²]/E[φ²].
        slope: V′ = E[φφ′z]/E[φ²].
        fixed_point: Whether it is stable, neutral or unstable.
    """

    name: str
    torch_gain: float | None
    moment_gain: float
    std_gain: float
    backward_gain: float
    chi_1: float
    slope: float
    fixed_point: str


GAIN_COLUMNS = (
    Column("name", Form.TEXT, 100),
    Column("torch_gain", Form.NUMBER, 90),
    Column("moment_gain", Form.NUMBER, 95),
    Column("std_gain", Form.NUMBER, 60),
    Column("backward_gain", Form.NUMBER, 60),
    Column("chi_1", Form.NUMBER, 50),
    Column("slope", Form.NUMBER, 70),
    Column("fixed_point", Form.TEXT, 80),
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
class CheckRow:
    """A check in the table of checks."""

    code: str
    severity: str
    finds: str
    looks_at: str
    advice: str


CHECK_COLUMNS = (
    Column("code", Form.TEXT, 100),
    Column("severity", Form.TEXT, 90),
    Column("finds", Form.TEXT, 95),
    Column("looks_at", Form.TEXT, 60),
    Column("advice", Form.TEXT, 70),
)


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One property of a thing that is looked up."""

    field: str
    value: str


FIELD_COLUMNS = (Column("field", Form.TEXT, 100), Column("value", Form.TEXT, 99))


def listing(columns: tuple[Column, ...], rows: Sequence[object]) -> Table:
    """Returns rows that all stand under all columns, however narrow the terminal."""
    return Table(columns, tuple(rows), tuple(column.key for column in columns), wraps=True)


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
    told: tuple[Finding, ...] = ()
    has_several: bool = False
    inquiry: Inquiry = NOTHING_ASKED
    notes: tuple[str, ...] = ()
    passed: bool = True
    failures: tuple[InitcliError, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Returns everything, for machines."""
        return {**self.facts, "rows": self.table.records()}
