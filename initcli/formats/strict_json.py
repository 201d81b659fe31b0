"""JSON by the standard: no duplicate names, NaN literals, bombs or unpaired surrogates."""

from __future__ import annotations

import json
from typing import NoReturn

from initcli.core.errors import MalformedError
from initcli.core.text import visible


class _DuplicateError(ValueError):
    pass


def parse_object(raw: bytes, where: str) -> dict[str, object]:
    """Parses bytes that must hold one JSON object.

    Raises:
        MalformedError: The bytes are not UTF-8, not standard JSON, or no object.
    """
    try:
        parsed = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except _DuplicateError as error:
        raise MalformedError(f"duplicate name {visible(str(error), 80)}", where=where) from error
    except RecursionError as error:
        raise MalformedError("JSON nested too deeply", where=where) from error
    except ValueError as error:
        raise MalformedError(f"not JSON: {visible(str(error), 120)}", where=where) from error
    if not isinstance(parsed, dict):
        raise MalformedError("not a JSON object", where=where)
    return parsed


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for name, _ in pairs:
        name.encode("utf-8")  # an unpaired surrogate raises UnicodeEncodeError, a ValueError
    unique = dict(pairs)
    if len(unique) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateError(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    return unique


def _no_constant(literal: str) -> NoReturn:
    message = f"{literal} is not a JSON number"
    raise ValueError(message)
