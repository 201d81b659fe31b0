"""JSON by the standard: no duplicate names, NaN literals, bombs or unpaired surrogates."""

from __future__ import annotations

import json
import math
import re
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
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _DuplicateError(ValueError):
    pass


def parse_object(raw: bytes, where: str) -> dict[str, object]:
    """Parses bytes that must hold one JSON object.

    Raises:
        MalformedError: The bytes are not UTF-8, not standard JSON, or no object.
    """
    if raw.count(b"[") + raw.count(b"{") > _MANY + len(raw) // _BYTES_EACH:
        raise MalformedError("JSON of almost nothing but lists and objects", where=where)
    try:
        parsed = _parse(raw.decode("utf-8"), has_odd_integers=_has_odd_integers(raw))
    except _DuplicateError as error:
        raise MalformedError(f"duplicate name {visible(str(error), 80)}", where=where) from error
    except RecursionError as error:
        raise MalformedError("JSON nested too deeply", where=where) from error
    except ValueError as error:
        raise MalformedError(f"not JSON: {visible(str(error), 120)}", where=where) from error
    if not isinstance(parsed, dict):
        raise MalformedError("not a JSON object", where=where)
    return parsed


def _has_odd_integers(raw: bytes) -> bool:
    """Whether there may be a minus zero or an integer too long for the interpreter's parser."""
    return b"-0" in raw or b"0" * _LONG in raw.translate(_DIGITS_AS_ZEROS)


def _parse(text: str, *, has_odd_integers: bool) -> object:
    parsed: object = json.loads(
        text,
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        # A function of ours is called for every number, and costs as much as all else.
        parse_int=_integer if has_odd_integers else None,
        parse_float=_finite,
    )
    _refuse_depth(parsed)
    if _SURROGATE.search(text):
        # An unpaired one raises UnicodeEncodeError, a ValueError.
        json.dumps(parsed, ensure_ascii=False).encode("utf-8")
    return parsed


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


def _refuse_depth(parsed: object) -> None:
    """Counts by levels: the interpreter's own limit differs between versions and callers."""
    level: list[Any] = [parsed] if type(parsed) in _CONTAINERS else []
    for _ in range(_DEEPEST):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return
    raise RecursionError
