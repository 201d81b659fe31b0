"""Checks what a user gives a scheme's parameters, and turns it into what the scheme takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args, get_origin

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.schemes.arithmetic import Formula
from initcli.schemes.gain import NAMES, Gain, NamedGain
from initcli.schemes.registry import FLOAT32_MAX, Parameter, Scheme


def written(value: object) -> object:
    """Returns a value as a user may write it."""
    if isinstance(value, NamedGain):
        return value.nonlinearity
    return value.text if isinstance(value, Formula) else value


def checked(scheme: Scheme, given: Mapping[str, object]) -> dict[str, object]:
    """Returns what was given of a scheme's parameters as values, or as formulas for them.

    Raises:
        OptionError: A parameter is unknown or missing, or has an unusable value.
    """
    for name in given:
        if name not in scheme.parameters:
            hint = did_you_mean(name, scheme.parameters) or f"it is {scheme.signature}"
            raise OptionError(f"{scheme.name} has no parameter {name!r}", hint=hint)
    for parameter in scheme.parameters.values():
        if parameter.is_required and parameter.name not in given:
            message = f"{scheme.name} needs {parameter.name}"
            raise OptionError(message, hint=f"it is {scheme.signature}")
    return {name: _convert(scheme.parameters[name], value) for name, value in given.items()}


def _convert(parameter: Parameter, value: object) -> object:
    if get_origin(parameter.type) is Literal:
        return _choice(parameter, written(value))
    if parameter.type is bool:
        return _flag(parameter, value)
    if parameter.type == Gain and value in NAMES:
        return NamedGain.of(str(value))
    formula = _formula(value)
    if formula is None:
        return number_of(parameter, value)
    # What depends on nothing is wrong at once or never.
    return formula if formula.variables else _constant(parameter, formula)


def _formula(value: object) -> Formula | None:
    """Returns what has to be worked out, if it is not a number already."""
    if isinstance(value, Formula) or not isinstance(value, str):
        return value if isinstance(value, Formula) else None
    try:
        float(value)
    except ValueError:
        try:
            return Formula.parse(value)
        except ValueError:
            return None
    return None


def _constant(parameter: Parameter, formula: Formula) -> Formula:
    try:
        number_of(parameter, formula.value({}))
    except (ValueError, ArithmeticError) as error:
        message = f"{parameter.name} leaves the range of floating point"
        raise OptionError(message, where=formula.text[:80]) from error
    return formula


def _flag(parameter: Parameter, value: object) -> bool:
    spoken = {"true": True, "false": False}.get(str(value).lower())
    if spoken is None:
        raise OptionError(f"{parameter.name} must be true or false, not {_shown(value)}")
    return spoken


def _choice(parameter: Parameter, value: object) -> object:
    choices = get_args(parameter.type)
    if value not in choices:
        hint = f"{did_you_mean(_shown(value), choices)} one of: {', '.join(choices)}".strip()
        raise OptionError(f"{parameter.name} cannot be {_shown(value)}", hint=hint)
    return value


def _shown(value: object) -> str:
    try:
        return repr(value)[:80]
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number of thousands of digits"


def number_of(parameter: Parameter, value: object) -> float:
    """Returns a parameter's number.

    Raises:
        OptionError: It is none, or does not fit float32.
    """
    is_whole = parameter.type is int
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    # torch draws in float32, and fails midway where a parameter does not fit.
    hint = did_you_mean(value, NAMES) if parameter.type == Gain and isinstance(value, str) else ""
    if isinstance(value, bool) or not abs(number) <= FLOAT32_MAX or (is_whole and number % 1):
        what = "a whole number" if is_whole else "a number that fits float32"
        raise OptionError(f"{parameter.name} must be {what}, not {_shown(value)}", hint=hint)
    return int(number) if is_whole else number
