"""A scheme with its parameters as a user writes it: `kaiming_normal(mode=fan_out)`."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from initcli.core.errors import OptionError
from initcli.core.tensor import Shape
from initcli.core.text import did_you_mean
from initcli.schemes.gain import NAMES, Gain, gain_of
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import FLOAT32_MAX, Draw, Parameter, Scheme, find_scheme


@dataclass(frozen=True, slots=True)
class SchemeSpec:
    """A scheme and its chosen parameters.

    Attributes:
        scheme: The scheme.
        arguments: Checked values of the parameters that were given.
    """

    scheme: Scheme
    arguments: Mapping[str, object]

    @property
    def text(self) -> str:
        """The scheme as a user may write it; parameters left at their defaults are not shown."""
        parts = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.scheme.name}({parts})" if parts else self.scheme.name

    def draw(self, shape: Shape) -> Draw:
        """Returns what the scheme does with a shape.

        Raises:
            UnfitError: The scheme has no meaning for the shape.
            OptionError: The parameters contradict each other.
        """
        try:
            return self.scheme.function(Layer(shape), **self.arguments)
        except UnfitError:
            raise
        except ValueError as error:
            raise OptionError(str(error), where=self.text) from error
        except ArithmeticError as error:
            message = "its parameters leave the range of floating point"
            raise OptionError(message, where=self.text) from error


def parse_scheme(text: str, extra: Mapping[str, str] | None = None) -> SchemeSpec:
    """Parses `name`, `name(0, 0.02)` or `name(mode=fan_out, nonlinearity=relu)`.

    Args:
        text: What the user wrote.
        extra: Parameters given apart, as `--mode fan_out` does.

    Raises:
        OptionError: The scheme or a parameter is unknown, missing, or has an unusable value.
    """
    name, positional, named = _split(text)
    scheme = find_scheme(name)
    if len(positional) > len(scheme.parameters):
        raise OptionError(f"too many values; it is {scheme.signature}", where=text[:80])
    given: dict[str, object] = dict(zip(scheme.parameters, positional, strict=False))
    for parameter, value in (*named, *(extra or {}).items()):
        if parameter in given:
            raise OptionError(f"{parameter} is given twice", where=text[:80])
        given[parameter] = value
    return SchemeSpec(scheme, _checked(scheme, given))


def _split(text: str) -> tuple[str, list[object], list[tuple[str, object]]]:
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, [], []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = [(str(keyword.arg), _literal(keyword.value)) for keyword in node.keywords]
            return node.func.id, [_literal(argument) for argument in node.args], named
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _unparsable(text) from error
    raise _unparsable(text)


def _unparsable(text: str) -> OptionError:
    hint = "write a name, or a name with parameters: 'kaiming_normal(mode=fan_out)'"
    return OptionError(f"not a scheme: {text[:80]!r}", hint=hint)


def _literal(node: ast.expr) -> object:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _checked(scheme: Scheme, given: Mapping[str, object]) -> dict[str, object]:
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
        return _choice(parameter, value)
    if parameter.type == Gain and value in NAMES:
        return gain_of(str(value))
    return _number(parameter, value)


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


def _number(parameter: Parameter, value: object) -> float:
    is_whole = parameter.type is int
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    # torch draws in float32, and fails midway where a parameter does not fit.
    if isinstance(value, bool) or not abs(number) <= FLOAT32_MAX or (is_whole and number % 1):
        what = "a whole number" if is_whole else "a number that fits float32"
        raise OptionError(f"{parameter.name} must be {what}, not {_shown(value)}")
    return int(number) if is_whole else number
