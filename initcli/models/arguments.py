"""Turns `--arg name=value` into what a factory is called with."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping, Sequence

from initcli.core.errors import FactoryError, OptionError
from initcli.core.text import did_you_mean, visible

# As JSON and the shell spell them; a non-empty string would count as true.
_SPOKEN: Mapping[str, object] = {"true": True, "false": False, "null": None, "none": None}
_NUMBERS: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}


def parse_arguments(
    factory: Callable[..., object], arguments: Sequence[str], source: str
) -> Mapping[str, object]:
    """Returns the keywords of a call, checked against the factory's signature.

    Args:
        factory: What will be called.
        arguments: `name=value` each, the value a Python literal, true, false, null, or text;
            text only, where the factory says `str`.
        source: Where the factory is, for messages.

    Raises:
        OptionError: An argument is malformed, given twice, unknown, or of a wrong type.
        FactoryError: The factory has no signature.
    """
    pairs = [_pair(argument) for argument in arguments]
    spoken = dict(pairs)
    where = visible(source, 300)
    if len(spoken) < len(pairs):
        raise OptionError("--arg: a name is given twice", where=where)
    signature = _signature(factory, where)
    types = {name: _type_name(each) for name, each in signature.parameters.items()}
    keywords = {name: _value(text, types.get(name, "")) for name, text in spoken.items()}
    try:
        signature.bind(**keywords)
    except TypeError as error:
        known = list(signature.parameters)
        unknown = next((name for name in keywords if name not in known), "")
        hint = did_you_mean(unknown, known) or f"its arguments: {', '.join(known) or 'none'}"
        raise OptionError(f"--arg: {error}", where=where, hint=hint) from error
    for name, value in keywords.items():
        _check_type(name, value, types.get(name, ""), where)
    return keywords


def _pair(argument: str) -> tuple[str, str]:
    name, equals, value = argument.partition("=")
    if not equals or not name.isidentifier():
        raise OptionError(f"--arg must be name=value, not {argument[:80]!r}")
    return name, value


def _value(text: str, type_name: str) -> object:
    if type_name == "str":
        return text
    if text.lower() in _SPOKEN:
        return _SPOKEN[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _type_name(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _signature(factory: Callable[..., object], where: str) -> inspect.Signature:
    try:
        return inspect.signature(factory)
    except (TypeError, ValueError) as error:  # some built-in functions and types
        raise FactoryError(visible(f"{error}", 400), where=where) from error


def _check_type(name: str, value: object, type_name: str, where: str) -> None:
    wanted = _NUMBERS.get(type_name)
    if wanted is None:
        return
    is_flag_for_number = isinstance(value, bool) and bool not in wanted
    if not isinstance(value, wanted) or is_flag_for_number:
        message = f"--arg: {name} must be {type_name}, not {str(value)[:80]!r}"
        raise OptionError(message, where=where)
