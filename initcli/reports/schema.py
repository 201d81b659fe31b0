"""JSON Schema (draft 2020-12) of what reports are made of, read off their classes.

Types come from annotations, and descriptions from the attributes in docstrings, so that neither can
be told twice. A number is null where it is not finite, and its object then says so in `non_finite`.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import (
    Annotated,
    Any,
    TypedDict,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from initcli.reports.rows import Rows
from initcli.statistics.portrait import Histogram

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NON_FINITE = ["NaN", "Infinity", "-Infinity"]
_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},
    type(None): {"type": "null"},
}
# What annotations name that is imported for the type checker only.
_LATER = {"Histogram": Histogram}
_ENTRY = re.compile(r"^ {4}(\w[^:\n]*): (.*(?:\n {8}.*)*)", re.MULTILINE)


class Envelope(TypedDict):
    """What every document holds beside what its command found.

    Attributes:
        schema: The name and version of the document's form.
        initcli: The version that wrote it.
        notes: What a reader should know of how the result came about.
        verdict: The outcome in one line.
        passed: Whether the gate is open, as the exit code tells too.
    """

    schema: str
    initcli: str
    notes: list[str]
    verdict: str
    passed: bool


def document_schema(version: str, document: type) -> Schema:
    """Returns the schema of a document.

    Args:
        version: The name and version of its form, such as `initcli.stats/1`.
        document: The TypedDict of what the command found.
    """
    builder = _Builder()
    properties = builder.properties(Envelope) | builder.properties(document)
    properties["schema"] = {"const": version} | properties["schema"]
    return {
        "$schema": _DIALECT,
        "$id": f"urn:{version.replace('.', ':')}",
        "title": version,
        "description": _summary(document),
        **_closed(properties),
        "required": list(properties),
        "$defs": dict(sorted(builder.definitions.items())),
    }


class _Builder:
    """Writes types as schemas; classes become definitions, each written once."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def properties(self, kind: type, also: Iterable[str] = ()) -> dict[str, Schema]:
        """Returns the schema of every attribute of a class, and of some of its properties."""
        told = _descriptions(kind)
        hints = get_type_hints(kind, localns=_LATER, include_extras=True)
        if dataclasses.is_dataclass(kind):
            hints = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
        for name in also:
            getter = getattr(kind, name).fget
            hints[name] = get_type_hints(getter, localns=_LATER)["return"]
            told[name] = _summary(getter)
        return {name: self.of(hint) | _described(told.get(name)) for name, hint in hints.items()}

    def of(self, hint: Any) -> Schema:  # noqa: ANN401 - a type may be any object
        """Returns the schema of a value."""
        if hint in _SCALARS:
            return dict(_SCALARS[hint])
        if origin := get_origin(hint):
            return self._composed(origin, get_args(hint))
        if issubclass(hint, enum.Enum):
            return {"enum": [one.value for one in hint]}
        return self._rows(Rows(hint, is_whole=True))

    def _composed(self, origin: Any, arguments: tuple[Any, ...]) -> Schema:  # noqa: ANN401 - likewise
        if origin is Annotated:
            items = [self._rows(rows) for rows in arguments[1:]]
            return {"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}}
        if origin in {Union, types.UnionType}:
            return _either([self.of(one) for one in arguments])
        if issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return {"type": "array", "items": self.of(arguments[0])}

    def _rows(self, rows: Rows) -> Schema:
        """Defines a class, and returns a reference to it, which may ask for all it holds."""
        kind = rows.of
        if kind.__name__ not in self.definitions:
            self.definitions[kind.__name__] = {}  # before it is asked for within itself
            closed = _closed(self.properties(kind, rows.also))
            self.definitions[kind.__name__] = _described(_summary(kind)) | closed
        names = [] if is_typeddict(kind) else [one.name for one in dataclasses.fields(kind)]
        reference = {"$ref": f"#/$defs/{kind.__name__}"}
        return reference | ({"required": names} if rows.is_whole else {})


def _closed(properties: dict[str, Schema]) -> Schema:
    """Returns an object that holds nothing else, but says which of its numbers are not finite."""
    numbers = [name for name, one in properties.items() if "number" in one.get("type", ())]
    every = properties | ({"non_finite": _non_finite(numbers)} if numbers else {})
    return {"type": "object", "properties": every, "additionalProperties": False}


def _non_finite(names: list[str]) -> Schema:
    return {
        "type": "object",
        "description": "Which of the numbers that are null are not finite, and what they are.",
        "propertyNames": {"enum": names},
        "additionalProperties": {"enum": _NON_FINITE},
        "minProperties": 1,
    }


def _either(schemas: list[Schema]) -> Schema:
    """Returns the union: types side by side where there is nothing else to them."""
    if any(set(one) != {"type"} for one in schemas):
        return {"anyOf": schemas}
    kinds = dict.fromkeys(kind for one in schemas for kind in _listed(one["type"]))
    if "number" in kinds:
        kinds.pop("integer", None)
    return {"type": sorted(kinds, key="null".__eq__)}


def _listed(kind: str | list[str]) -> list[str]:
    return [kind] if isinstance(kind, str) else kind


def _described(text: str | None) -> Schema:
    return {"description": text} if text else {}


def _summary(thing: Any) -> str:  # noqa: ANN401 - whatever has a docstring
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


def _descriptions(kind: type) -> dict[str, str]:
    """Returns what a docstring says of each attribute."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    return {
        name: " ".join(text.split())
        for names, text in _ENTRY.findall(section)
        for name in _named(names)
    }


def _named(names: str) -> Iterator[str]:
    return (name.strip() for name in names.split(","))
