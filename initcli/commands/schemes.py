"""`initcli schemes`: the table of schemes, or one of them in full."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from initcli.core.text import plural
from initcli.reports.listing import (
    FIELD_COLUMNS,
    SCHEME_COLUMNS,
    FieldRow,
    ListingReport,
    SchemeRow,
    listing,
)
from initcli.schemes.gain import Gain, Nonlinearity
from initcli.schemes.registry import SCHEMES, Parameter, Scheme, find_scheme


def list_schemes(name: str | None = None) -> ListingReport:
    """Lists every scheme, or shows one of them in full.

    Raises:
        OptionError: No scheme has that name.
    """
    if name is not None:
        return _detail(find_scheme(name))
    rows = [
        SchemeRow(each.name, _parameters(each), each.formula, each.variance, each.citation)
        for each in SCHEMES.values()
    ]
    table = listing(SCHEME_COLUMNS, rows)
    return ListingReport("initcli.schemes/1", table, plural(len(rows), "scheme"))


def _detail(scheme: Scheme) -> ListingReport:
    rows = [
        FieldRow("name", scheme.name),
        FieldRow("what it does", scheme.summary),
        FieldRow("formula", scheme.formula),
        FieldRow("variance", scheme.variance),
        *(FieldRow(parameter.name, _values(parameter)) for parameter in scheme.parameters.values()),
        FieldRow("citation", scheme.citation),
    ]
    return ListingReport("initcli.scheme/1", listing(FIELD_COLUMNS, rows), scheme.signature)


def _parameters(scheme: Scheme) -> str:
    return scheme.signature.removeprefix(scheme.name).strip("()")


def _values(parameter: Parameter) -> str:
    default = "required" if parameter.is_required else f"default {parameter.written}"
    if parameter.type == Nonlinearity:
        return f"{default}; a nonlinearity: see initcli gains"
    if get_origin(parameter.type) is Literal:
        return f"{default}; one of {', '.join(get_args(parameter.type))}"
    if parameter.type == Gain:
        return f"{default}; a number, or the name of a nonlinearity: see initcli gains"
    if parameter.type is bool:
        return f"{default}; true or false"
    return f"{default}; {'a whole number' if parameter.type is int else 'a number'}"
