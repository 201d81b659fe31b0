"""Reads one `[[rule]]` of a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from initcli.core.dtypes import DType, parse_dtype
from initcli.core.errors import OptionError, RecipeError
from initcli.core.text import did_you_mean, visible
from initcli.recipes.rule import Rule
from initcli.recipes.selector import Selector
from initcli.schemes.arithmetic import Formula
from initcli.schemes.layer import Role
from initcli.schemes.spec import parse_layout, parse_scheme

ROLES: Mapping[str, frozenset[Role]] = {
    "weight": frozenset({Role.WEIGHT}),
    "bias": frozenset({Role.BIAS}),
    "norm_weight": frozenset({Role.NORMALISATION_WEIGHT}),
    "norm_bias": frozenset({Role.NORMALISATION_BIAS}),
    "other": frozenset({Role.OTHER}),
}
KEYS = (
    "select",
    "exclude",
    "module",
    "role",
    "scheme",
    "keep",
    "layout",
    "dtype",
    "zero_row",
    "note",
)


def rule_of(table: object, where: str) -> Rule:
    """Returns the rule that a table describes.

    Raises:
        RecipeError: A key is unknown, or a value is of a wrong type.
        OptionError: A scheme, layout or dtype means nothing.
    """
    if not isinstance(table, Mapping):
        raise RecipeError("a rule must be a table", where=where)
    refuse_unknown(table, KEYS, where)
    scheme, layout, dtype = (text_of(table, key, where) for key in ("scheme", "layout", "dtype"))
    if bool(scheme) == _keeps(table, where):
        raise RecipeError("it must have a scheme, or keep = true", where=where)
    return Rule(
        parse_scheme(scheme) if scheme else None,
        _selector(table, where),
        text_of(table, "module", where),
        _roles(table, where),
        parse_layout(layout) if layout else None,
        _drawable(dtype) if dtype else None,
        _row(table, where),
        text_of(table, "note", where),
    )


def refuse_unknown(table: Mapping[str, object], known: Sequence[str], where: str) -> None:
    """Refuses keys that mean nothing.

    Raises:
        RecipeError: There is one.
    """
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known) or f"one of {', '.join(known)}"
            raise RecipeError(f"unknown key {visible(key, 80)!r}", where=where, hint=hint)


def text_of(table: Mapping[str, object], key: str, where: str) -> str:
    """Returns a key's text, or nothing.

    Raises:
        RecipeError: It is no text.
    """
    value = table.get(key, "")
    if not isinstance(value, str):
        raise RecipeError(f"{key} must be text", where=where)
    return value


def formula_of(value: object, what: str, where: str) -> Formula:
    """Returns the formula that a number or a text is.

    Raises:
        RecipeError: It is neither, or no arithmetic.
    """
    message = f"{what} must be a number or arithmetic"
    is_infinite = isinstance(value, float) and not math.isfinite(value)
    if isinstance(value, bool) or is_infinite or not isinstance(value, str | int | float):
        raise RecipeError(message, where=where)
    try:
        return Formula.parse(str(value))
    except ValueError as error:  # which is also what too many digits raise
        raise RecipeError(message, where=where) from error


def _keeps(table: Mapping[str, object], where: str) -> bool:
    keeps = table.get("keep", False)
    if not isinstance(keeps, bool):
        raise RecipeError("keep must be true or false", where=where)
    return keeps


def _row(table: Mapping[str, object], where: str) -> Formula | None:
    if "zero_row" not in table:
        return None
    return formula_of(table["zero_row"], "zero_row", where)


def _patterns(table: Mapping[str, object], key: str, where: str) -> list[str]:
    value = table.get(key, [])
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not all(isinstance(each, str) for each in patterns):
        raise RecipeError(f"{key} must be a pattern or a list of patterns", where=where)
    return patterns


def _selector(table: Mapping[str, object], where: str) -> Selector:
    selector = Selector.of(_patterns(table, "select", where), _patterns(table, "exclude", where))
    for pattern in (*selector.include, *selector.exclude):
        pattern.matches("")  # a malformed one is told here, with its rule
    return selector


def _roles(table: Mapping[str, object], where: str) -> frozenset[Role]:
    wanted = _patterns(table, "role", where)
    for role in wanted:
        if role not in ROLES:
            hint = did_you_mean(role, ROLES) or f"one of {', '.join(ROLES)}"
            raise RecipeError(f"unknown role {visible(role, 80)!r}", where=where, hint=hint)
    return frozenset().union(*(ROLES[role] for role in wanted))


def _drawable(text: str) -> DType:
    dtype = parse_dtype(text)
    if not dtype.is_drawable:
        raise OptionError(f"nothing can be drawn in {dtype.code}")
    return dtype
