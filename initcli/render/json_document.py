"""Writes a report as one JSON document, by the standard and at full precision."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Mapping
from typing import Any

from initcli.core.version import VERSION
from initcli.reports.table import Report

_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


def render_json(report: Report) -> str:
    """Returns the document; the same input gives the same bytes."""
    document = {
        "schema": report.schema,
        "initcli": VERSION,
        **report.document(),
        "notes": list(report.notes),
        "verdict": report.verdict,
        "passed": report.passed,
    }
    return json.dumps(plain(document), indent=2, allow_nan=False) + "\n"


def plain(value: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Turns reports into what JSON can hold.

    A number that is not finite becomes null, and its object says which under `non_finite`.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.value if isinstance(value, enum.Enum) else value


def _object(mapping: Mapping[str, object]) -> dict[str, object]:
    non_finite = {key: _name(value) for key, value in mapping.items() if _is_non_finite(value)}
    flat = {key: None if key in non_finite else plain(value) for key, value in mapping.items()}
    return flat | ({"non_finite": non_finite} if non_finite else {})


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _name(value: object) -> str:
    return _NAMES.get(value, "NaN") if isinstance(value, float) else str(value)
