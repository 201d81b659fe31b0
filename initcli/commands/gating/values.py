"""The values that settings and options may have, each read by one function."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from initcli.checks.finding import Severity
from initcli.checks.registry import CHECKS
from initcli.core.errors import OptionError
from initcli.core.text import did_you_mean, visible
from initcli.recipes.selector import Selector

# IC alone would stand for all, and say nothing.
_SHORTEST = 3
_Choice = TypeVar("_Choice", bound=enum.Enum)


def known_code(text: str) -> str:
    """Returns a check's code, or what codes begin with.

    Raises:
        OptionError: No code begins with it.
    """
    text = text.upper()
    if len(text) < _SHORTEST or not any(code.startswith(text) for code in CHECKS):
        hint = (
            did_you_mean(text, CHECKS) or "initcli checks lists them; IC2 stands for all of IC2xx"
        )
        raise OptionError(f"no check's code begins with {visible(text, 80)!r}", hint=hint)
    return text


def choice_of(value: object, known: type[_Choice]) -> _Choice:
    """Returns the member of an enumeration that a text names.

    Raises:
        OptionError: None does.
    """
    values = [each.value for each in known]
    if value in values:
        return known(value)
    hint = did_you_mean(str(value), values) or f"one of {', '.join(values)}"
    raise OptionError(f"{visible(str(value), 80)!r} is none of its values", hint=hint)


def probability_of(value: object) -> float:
    """Returns a number between zero and one.

    Raises:
        OptionError: It is none.
    """
    number = _number(value)
    if not 0 < number < 1:
        raise OptionError(f"a probability lies between 0 and 1, not at {number:g}")
    return number


def tolerance_of(value: object) -> float:
    """Returns a finite number from zero on.

    Raises:
        OptionError: It is none.
    """
    number = _number(value)
    if not 0 <= number < math.inf:
        raise OptionError(f"a tolerance is a number from 0 on, not {number:g}")
    return number


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OptionError("it must be a number")
    return float(value)


def flag_of(value: object) -> bool:
    """Returns true or false.

    Raises:
        OptionError: It is neither.
    """
    if not isinstance(value, bool):
        raise OptionError("it must be true or false")
    return value


def _texts(value: object) -> Sequence[str]:
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, list) or not all(isinstance(each, str) for each in several):
        raise OptionError("it must be text, or a list of texts")
    return several


def codes_of(value: object) -> tuple[str, ...]:
    """Returns codes of checks, or their beginnings, one or several.

    Raises:
        OptionError: No code begins with one.
    """
    return tuple(map(known_code, _texts(value)))


def severities_of(value: object) -> dict[str, Severity]:
    """Returns what findings weigh, by code or its beginning.

    Raises:
        OptionError: It is no table, no such code, or no such severity.
    """
    if not isinstance(value, Mapping):
        raise OptionError('it must be a table, such as IC104 = "error"')
    return {known_code(code): choice_of(weight, Severity) for code, weight in value.items()}


def selector_of(value: object) -> Selector:
    """Returns what chooses tensors by one pattern or several.

    Raises:
        OptionError: It is no text.
        PatternError: A pattern is malformed.
    """
    selector = Selector.of(_texts(value))
    for pattern in selector.include:
        pattern.matches("")  # a malformed one is told here, where it stands
    return selector
