"""A report of `initcli stats` as JSON, read again to be held against a later run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from initcli.core.errors import BaselineError, MalformedError
from initcli.core.text import visible
from initcli.formats.json.strict import parse_object
from initcli.formats.storage.checkpoint import open_regular
from initcli.reports.stats import StatsReport
from initcli.reports.table import as_mapping
from initcli.reports.tensor_columns import QUANTILES
from initcli.reports.tensor_row import TensorRow
from initcli.theory.drift import Standing

# A hundred thousand tensors with every column take half of it.
_LONGEST = 256 << 20
_NEEDED = ("name", "parameters", "shape", "dtype", "mean", "variance", "nan", "inf")
# Of two values at equal distance the kurtosis is 1, but for rounding.
_ROUNDING = 1e-6
_REMEDY = "make it with: initcli stats CHECKPOINT --format json -o base.json"


@dataclass(frozen=True, slots=True)
class Known:
    """What a report says of one tensor.

    Attributes:
        name: The tensor's name.
        shape: Its shape.
        dtype: The dtype's safetensors name.
        standing: Its statistics.
        digest: The hash of its bytes; None if it was not asked for.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    standing: Standing
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was found of a checkpoint in an earlier run.

    Attributes:
        path: The report's file as the user gave it.
        tensors: What it says of every tensor, by name.
        findings: Code and tensor of what checks found.
    """

    path: str
    tensors: Mapping[str, Known]
    findings: frozenset[tuple[str, str]]


def is_report(path: Path) -> bool:
    """Whether a path is to be read as a report rather than as a checkpoint, by its name."""
    return path.suffix.lower() == ".json" and not path.name.endswith(".index.json")


def read_baseline(path: Path) -> Baseline:
    """Reads a report.

    Raises:
        MissingError: It cannot be read.
        BaselineError: It is no JSON, or no report on one checkpoint's tensors with statistics.
    """
    where = visible(str(path), 300)
    descriptor, size, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        if size > _LONGEST:
            raise BaselineError(f"a report of {size:,} bytes", where=where)
        document = _parsed(file.read(_LONGEST), where)
    if document.get("schema") != StatsReport.schema:
        told = visible(str(document.get("schema")), 80)
        message = f"its schema is {told}, not {StatsReport.schema}"
        raise BaselineError(message, where=where, hint=_REMEDY)
    tensors = [_known(record, where) for record in _records(document, "tensors", where)]
    _refuse_cut(document, len(tensors), where)
    by_name = {known.name: known for known in tensors}
    if len(by_name) < len(tensors):
        raise BaselineError("it is of several checkpoints", where=where, hint=_REMEDY)
    findings = _records(document, "findings", where)
    return Baseline(str(path), by_name, frozenset(_found(findings)))


def _parsed(raw: bytes, where: str) -> dict[str, object]:
    try:
        return parse_object(raw, where)
    except MalformedError as error:
        raise BaselineError(error.message, where=where, hint=_REMEDY) from error


def standing_of(record: Mapping[str, Any]) -> Standing:
    """Returns the statistics that a row of a report holds."""
    quantiles = {p: record.get(key) for key, p in QUANTILES.items()}
    return Standing(
        record["parameters"],
        (record["nan"] or 0) + (record["inf"] or 0),
        record.get("zeros"),
        record["mean"],
        record["variance"],
        record.get("skewness"),
        record.get("kurtosis"),
        record.get("min"),
        record.get("max"),
        {p: float(value) for p, value in quantiles.items() if value is not None},
    )


def _refuse_cut(document: Mapping[str, object], shown: int, where: str) -> None:
    """Refuses a report from which rows were left out: they would be missed later."""
    total = document.get("total")
    tensors = total.get("tensors") if isinstance(total, dict) else None
    if tensors != shown:
        message = f"it shows {shown:,} rows of {tensors} tensors"
        raise BaselineError(message, where=where, hint=_REMEDY)


def known_of_row(row: TensorRow) -> Known:
    """Returns what a row that was just measured says."""
    record = as_mapping(row)
    return Known(row.name, row.shape or (), row.dtype or "", standing_of(record), row.hash)


def _records(document: Mapping[str, object], key: str, where: str) -> list[dict[str, Any]]:
    records = document.get(key)
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise BaselineError(f"it has no list of {key}", where=where, hint=_REMEDY)
    return records


def _known(record: dict[str, Any], where: str) -> Known:
    missing = [key for key in _NEEDED if key not in record]
    if missing:
        message = f"its rows have no {missing[0]}"
        raise BaselineError(message, where=where, hint=_REMEDY)
    try:
        return _checked(record)
    except (TypeError, ValueError) as error:
        message = f"a row means nothing: {visible(str(error), 120)}"
        raise BaselineError(message, where=where) from error


def _checked(record: dict[str, Any]) -> Known:
    name, dtype, shape = record["name"], record["dtype"], record["shape"]
    if not isinstance(name, str) or not isinstance(dtype, str):
        raise TypeError("name and dtype must be text")
    if not isinstance(shape, list) or not all(type(size) is int for size in shape):
        raise TypeError("a shape must be a list of whole numbers")
    for key in ("parameters", "nan", "inf", "zeros"):
        if type(record.get(key)) not in {int, type(None)} or (record.get(key) or 0) < 0:
            raise TypeError(f"{key} must be a number of values")
    for key in ("mean", "variance", "skewness", "kurtosis", "min", "max", *QUANTILES):
        if type(record.get(key)) not in {int, float, type(None)}:
            raise TypeError(f"{key} must be a number")
    if type(record["parameters"]) is not int:
        raise TypeError("parameters must be a number of values")
    if (record["nan"] or 0) + (record["inf"] or 0) > record["parameters"]:
        raise ValueError("more values are not finite than there are")
    if (record["variance"] or 0) < 0 or (record.get("kurtosis") or 1) < 1 - _ROUNDING:
        raise ValueError("no values have such a variance or kurtosis")
    digest = record.get("hash")
    return Known(
        name,
        tuple(shape),
        dtype,
        standing_of(record),
        digest if isinstance(digest, str) else None,
    )


def _found(records: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for record in records:
        code, tensor = record.get("code"), record.get("tensor")
        if isinstance(code, str) and isinstance(tensor, str):
            yield code, tensor
