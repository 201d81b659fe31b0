"""The forms of every JSON document that a command prints, by name, and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypedDict

from initcli.reports.compare import CompareDocument, CompareReport
from initcli.reports.init import InitDocument, InitReport
from initcli.reports.listing import CheckRow, FieldRow, GainRow, RecipeRow, RuleRow, SchemeRow
from initcli.reports.rows import Rows
from initcli.reports.stats import StatsDocument, StatsReport
from initcli.reports.table import Records
from initcli.reports.timeline import TimelineDocument, TimelineReport


class SchemesDocument(TypedDict):
    """The table of schemes."""

    rows: Annotated[Records, Rows(SchemeRow, is_whole=True)]


class ChecksDocument(TypedDict):
    """The table of checks."""

    rows: Annotated[Records, Rows(CheckRow, is_whole=True)]


class GainsDocument(TypedDict):
    """The table of nonlinearities with their gains."""

    rows: Annotated[Records, Rows(GainRow, is_whole=True)]


class RecipesDocument(TypedDict):
    """The table of built-in recipes."""

    rows: Annotated[Records, Rows(RecipeRow, is_whole=True)]


class FieldsDocument(TypedDict):
    """One scheme or nonlinearity in full, property by property."""

    rows: Annotated[Records, Rows(FieldRow, is_whole=True)]


class RecipeDocument(TypedDict):
    """One recipe in full.

    Attributes:
        name: The recipe's name.
        summary: What it initialises.
        source: What defines it.
        variables: The defaults of the names in its formulas.
        rows: Its rules.
    """

    name: str
    summary: str
    source: str
    variables: Mapping[str, str]
    rows: Annotated[Records, Rows(RuleRow, is_whole=True)]


DOCUMENTS: Mapping[str, tuple[str, type]] = {
    "stats": (StatsReport.schema, StatsDocument),
    "compare": (CompareReport.schema, CompareDocument),
    "timeline": (TimelineReport.schema, TimelineDocument),
    "init": (InitReport.schema, InitDocument),
    "schemes": ("initcli.schemes/1", SchemesDocument),
    "scheme": ("initcli.scheme/1", FieldsDocument),
    "checks": ("initcli.checks/1", ChecksDocument),
    "check": ("initcli.check/1", FieldsDocument),
    "gains": ("initcli.gains/1", GainsDocument),
    "gain": ("initcli.gain/1", FieldsDocument),
    "recipes": ("initcli.recipes/1", RecipesDocument),
    "recipe": ("initcli.recipe/1", RecipeDocument),
}
"""Version and form by name."""
