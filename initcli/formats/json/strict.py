"""JSON by the standard: no duplicate names, NaN literals, bombs or unpaired surrogates."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from initcli.core.errors import MalformedError
from initcli.core.text import visible

# What serde_json, the reference reader's parser, descends to.
_DEEPEST = 127
_LONG = 300
# An empty list is two bytes of a document and sixty of memory. Headers, which are the densest of
# what is read here, have a list or object every 17 bytes at most.
_MANY = 250_000
_BYTES_EACH = 12
_CONTAINERS = {dict, list}
_DIGITS_AS_ZEROS = bytes(ord("0") if chr(byte).isdecimal() else 0 for byte in range(256))
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class _DuplicateError(ValueError):
    pass


def parse_object(raw: bytes, where: str) -> dict[str, object]:
    """Parses bytes that must hold one JSON object.

    Raises:
        MalformedError: The bytes are not UTF-8, not standard JSON, or no object.
    """
    try:
        text = raw.decode("utf-8").strip(" \t\n\r")
        refuse_dense(text)
        parsed, end = value_at(text, 0, is_odd=is_odd(raw))
        if end < len(text):
            raise json.JSONDecodeError("Extra data", text, end)
    except (ValueError, RecursionError) as error:
        raise malformed(error, where) from error
    if not isinstance(parsed, dict):
        raise MalformedError("not a JSON object", where=where)
    return parsed


def value_at(text: str, at: int, *, is_odd: bool, above: int = 0) -> tuple[object, int]:
    """Returns the value that begins at a place of a document, and where it ends.

    Args:
        text: The document, or a part of it.
        at: Where a value begins; no space stands before it.
        is_odd: Whether `is_odd` says so of it.
        above: How many lists and objects the value stands in.

    Raises:
        ValueError: It breaks a rule; a `JSONDecodeError` if the text may only end too early.
        RecursionError: It is nested too deeply.
    """
    value, end = (_THOROUGH if is_odd else _QUICK).raw_decode(text, at)
    if end - at > _DEEPEST - above:
        _refuse_depth(value, _DEEPEST - above)
    if is_odd:
        # An unpaired surrogate raises UnicodeEncodeError, a ValueError.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value, end


def is_odd(raw: bytes) -> bool:
    """Whether a document may hold what the interpreter's parser gets wrong.

    That is a minus zero, an integer too long for it, or half a surrogate pair.
    """
    has_odd_integers = b"-0" in raw or b"0" * _LONG in raw.translate(_DIGITS_AS_ZEROS)
    return has_odd_integers or bool(_SURROGATE.search(raw))


def refuse_dense(text: str) -> None:
    """Refuses what takes a multiple of its size once it is parsed.

    Raises:
        ValueError: It is of little else than lists and objects.
    """
    if text.count("[") + text.count("{") > _MANY + len(text) // _BYTES_EACH:
        raise ValueError("it is almost nothing but lists and objects")


def malformed(error: ValueError | RecursionError, where: str) -> MalformedError:
    """Returns what a user is told of a rule that was broken."""
    if isinstance(error, _DuplicateError):
        return MalformedError(f"duplicate name {visible(str(error), 80)}", where=where)
    if isinstance(error, RecursionError):
        return MalformedError("JSON nested too deeply", where=where)
    return MalformedError(f"not JSON: {visible(str(error), 120)}", where=where)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateError(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    return unique


def _no_constant(literal: str) -> NoReturn:
    message = f"{literal} is not a JSON number"
    raise ValueError(message)


def _integer(literal: str) -> int | float:
    """Reads minus zero as a float, as other parsers do: it is no natural number."""
    if len(literal) > _LONG or literal == "-0":
        return _finite(literal)
    return int(literal)


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        message = f"the number {literal[:20]} is out of range"
        raise ValueError(message)
    return number


def _decoder(parse_int: Callable[[str], int | float] | None) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        parse_int=parse_int,
        parse_float=_finite,
    )


_QUICK = _decoder(None)
# A function of ours is called for every number, and costs as much as all else.
_THOROUGH = _decoder(_integer)


def _refuse_depth(parsed: object, deepest: int) -> None:
    """Counts by levels: the interpreter's own limit differs between versions and callers."""
    level: list[Any] = [parsed] if type(parsed) in _CONTAINERS else []
    for _ in range(deepest):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return
    raise RecursionError
