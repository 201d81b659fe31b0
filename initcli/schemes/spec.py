"""A scheme with its parameters as a user writes it: `kaiming_normal(mode=fan_out)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean
from initcli.schemes.arguments import checked, number_of, written
from initcli.schemes.arithmetic import Formula, UnknownNameError
from initcli.schemes.gain import NAMES, Gain, NamedGain, Nonlinearity, warning_of
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.layout import KINDS, Layout
from initcli.schemes.registry import Draw, Parameter, Scheme, find_scheme

# What a layer's fans are called in a formula.
_FANS = ("fan_in", "fan_out", "fan_avg")
_NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SchemeSpec:
    """A scheme and its chosen parameters.

    Attributes:
        scheme: The scheme.
        arguments: Checked values of the parameters that were given, or formulas for them.
    """

    scheme: Scheme
    arguments: Mapping[str, object]

    @property
    def text(self) -> str:
        """The scheme as a user may write it; parameters left at their defaults are not shown."""
        parts = ", ".join(f"{name}={written(value)}" for name, value in self.arguments.items())
        return f"{self.scheme.name}({parts})" if parts else self.scheme.name

    def draw(self, layer: Layer, variables: Mapping[str, float] = _NONE) -> Draw:
        """Returns what the scheme does with a tensor.

        Args:
            layer: The tensor and its layer.
            variables: What names in formulas stand for, beside `fan_in`, `fan_out`, `fan_avg`.

        Raises:
            UnfitError: The scheme has no meaning for the tensor.
            OptionError: The parameters contradict each other, or a variable is unknown.
        """
        try:
            draw = self.scheme.function(layer, **self._numbers(layer, variables))
        except UnfitError:
            raise
        except ValueError as error:
            raise OptionError(str(error), where=self.text) from error
        except ArithmeticError as error:
            message = "its parameters leave the range of floating point"
            raise OptionError(message, where=self.text) from error
        said = dict.fromkeys((draw.remark, *map(warning_of, self._nonlinearities())))
        return replace(draw, remark="; ".join(filter(None, said)))

    def _nonlinearities(self) -> list[str]:
        """Returns the nonlinearities that gains were chosen for."""
        named: list[str] = []
        for name, value in self.arguments.items():
            if isinstance(value, NamedGain):
                named.append(value.nonlinearity)
            elif isinstance(value, Formula):
                named.extend(value.nonlinearities)
            elif self.scheme.parameters[name].type == Nonlinearity:
                named.append(str(value))
        return named

    @property
    def formulas(self) -> dict[str, Formula]:
        """What has to be worked out for every tensor, given or by default, by parameter."""
        chosen = {
            name: self.arguments.get(name, parameter.default)
            for name, parameter in self.scheme.parameters.items()
        }
        return {name: value for name, value in chosen.items() if isinstance(value, Formula)}

    def _numbers(self, layer: Layer, variables: Mapping[str, float]) -> dict[str, object]:
        return {**self.arguments} | {
            name: self._worked_out(name, formula, layer, variables)
            for name, formula in self.formulas.items()
        }

    def _worked_out(
        self, name: str, formula: Formula, layer: Layer, variables: Mapping[str, float]
    ) -> float:
        asked = formula.variables.intersection(_FANS)
        known = {mode: layer.weight.fans("layer").of(mode) for mode in asked}  # type: ignore[arg-type]
        try:
            number = formula.value({**variables, **known})
        except UnknownNameError as error:
            raise self._unknown(name, str(error.args[0]), variables) from error
        return number_of(self.scheme.parameters[name], number)

    def _unknown(self, name: str, variable: str, variables: Mapping[str, float]) -> OptionError:
        names = NAMES if self.scheme.parameters[name].type == Gain else ()
        hint = did_you_mean(variable, (*variables, *_FANS, *names))
        hint = hint or f"give --set {variable}=…"
        message = f"{name}: nothing says what {variable!r} is"
        return OptionError(message, where=self.text, hint=hint)


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
    return SchemeSpec(scheme, checked(scheme, given))


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
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.literal_eval(node)
    except ValueError:
        return Formula.of(node)


def parse_layout(text: str) -> Layout:
    """Parses `linear`, `conv(groups=4)` or `conv_transpose(stride=2)`.

    Raises:
        OptionError: There is no such layout.
    """
    kind, positional, named = _split(text)
    if kind not in KINDS or positional:
        hint = did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}"
        raise OptionError(f"not a layout: {text[:80]!r}", hint=hint)
    numbers = {name: number_of(Parameter(name, int, 1), value) for name, value in named}
    known = ("groups", "stride", "parts", "stacked")
    for name, number in numbers.items():
        if name not in known or number < (name != "stacked"):
            hint = "groups, stride and parts are 1 or more, stacked is 0 or 1"
            raise OptionError(f"a layout has no {name}={number}", hint=hint)
    stride, stacked = numbers.pop("stride", 1), numbers.pop("stacked", 0)
    return Layout(kind, stride=(int(stride),), stacked=bool(stacked), **numbers)  # type: ignore[arg-type]
