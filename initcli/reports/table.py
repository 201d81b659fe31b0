"""The shape all reports share, so that every renderer can write every report."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, overload

from initcli.core.errors import InitcliError, OptionError
from initcli.core.text import did_you_mean

if TYPE_CHECKING:
    from initcli.checks.finding import Finding
    from initcli.reports.inquiry import Inquiry


class Form(enum.Enum):
    """How a cell is written for people."""

    TEXT = "text"
    SHAPE = "shape"
    COUNT = "count"
    NUMBER = "number"
    HISTOGRAM = "histogram"


# What a user adds is as telling as a verdict; only the name is more so.
_ASKED = 97


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        key: The name users, JSON and CSV know it by.
        form: How its cells are written for people.
        weight: How telling it is; a narrow terminal drops the lightest first.
        is_default: Whether it is shown unless asked otherwise.
        is_urgent: Whether anything but zero in it must be seen on any terminal.
    """

    key: str
    form: Form
    weight: int
    is_default: bool = True
    is_urgent: bool = False

    @property
    def title(self) -> str:
        """What stands at its head."""
        return self.key.replace("_", " ")


Row = Any
"""A frozen dataclass whose attributes are the keys of its table's columns."""

Record = dict[str, object]
"""A row for machines."""


class Records(Sequence[Record]):
    """Rows for machines, of which each is made when it is asked for and kept by nobody.

    A hundred thousand of them at once take a multiple of what they are made from.

    Args:
        rows: What they are made from.
        make: Makes one.
    """

    def __init__(self, rows: Sequence[Row], make: Callable[[Row], Record]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Record]:
        return map(self._make, self._rows)

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> Records: ...

    def __getitem__(self, place: int | slice) -> Record | Records:
        if isinstance(place, slice):
            return Records(self._rows[place], self._make)
        return self._make(self._rows[place])


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns, and a total.

    Attributes:
        columns: What people are shown, in order.
        rows: The rows to show.
        total: The row below the line.
        keys: The columns for machines: all there are, or those that were asked for.
        wraps: Whether a narrow terminal wraps cells rather than drops columns.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    keys: tuple[str, ...]
    total: Row | None = None
    wraps: bool = False

    def records(self) -> Records:
        """Returns the rows for machines."""
        return Records(self.rows, lambda row: {key: getattr(row, key) for key in self.keys})


class Report(Protocol):
    """What every command returns."""

    @property
    def schema(self) -> str:
        """The name and version of the document's form."""

    @property
    def table(self) -> Table:
        """The rows to show."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What checks found."""

    @property
    def told(self) -> Sequence[Finding]:
        """Those that a reader is told of beside the table: what is new, and no row says."""

    @property
    def inquiry(self) -> Inquiry:
        """What was asked of which tensors and found, for CI services."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader should know of how the result came about."""

    @property
    def verdict(self) -> str:
        """The outcome in one line."""

    @property
    def passed(self) -> bool:
        """Whether the gate is open."""

    @property
    def failures(self) -> Sequence[InitcliError]:
        """What could not be read, beside what could."""

    def document(self) -> Mapping[str, object]:
        """Returns everything, for machines."""


def refuse_unknown(known: Sequence[Column], columns: str | None, sort: str | None = None) -> None:
    """Refuses keys that name no column, before any work is done for them.

    Raises:
        OptionError: A key names no column, or none that rows can be sorted by.
    """
    choose_columns(known, columns, lambda _: True)
    sort_rows((), known, sort)


def choose_columns(
    known: Sequence[Column], wanted: str | None, present: Callable[[Column], bool]
) -> tuple[Column, ...]:
    """Returns the columns a user asks for.

    Args:
        known: Every column there is, in the default order.
        wanted: Comma-separated keys, or `+key` and `-key` to change the default set.
        present: Whether a default column has anything to say here.

    Raises:
        OptionError: A key names no column.
    """
    keys = [key.strip() for key in wanted.split(",") if key.strip()] if wanted else []
    by_key = {column.key: column for column in known}
    changes = [key for key in keys if key.startswith(("+", "-"))]
    for key in keys:
        name = key[1:] if key in changes else key
        if name not in by_key:
            hint = did_you_mean(name, by_key) or "--help lists the columns"
            raise OptionError(f"unknown column {name!r}", hint=hint)
    if keys and not changes:
        return tuple(by_key[key] for key in dict.fromkeys(keys))
    if len(changes) < len(keys):
        raise OptionError("--columns either lists keys or changes the default with + and -")
    return _changed(known, set(changes), present)


def _changed(
    known: Sequence[Column], changes: set[str], present: Callable[[Column], bool]
) -> tuple[Column, ...]:
    chosen = tuple(
        replace(column, weight=max(column.weight, _ASKED))
        if f"+{column.key}" in changes
        else column
        for column in known
        if f"+{column.key}" in changes
        or (column.is_default and f"-{column.key}" not in changes and present(column))
    )
    if not chosen:
        raise OptionError("no column is left to show")
    return chosen


def sort_rows(rows: Iterable[Row], known: Sequence[Column], wanted: str | None) -> tuple[Row, ...]:
    """Sorts rows by a column: numbers largest first, text from A; `-key` reverses.

    Rows without a value in the column come last either way.

    Raises:
        OptionError: The key names no column, or one whose cells have no order.
    """
    if not wanted:
        return tuple(rows)
    key, is_reversed = wanted.removeprefix("-"), wanted.startswith("-")
    ordered = [column for column in known if column.form is not Form.HISTOGRAM]
    column = next((column for column in ordered if column.key == key), None)
    if column is None:
        keys = [column.key for column in ordered]
        hint = did_you_mean(key, keys) or "--help lists the columns"
        raise OptionError(f"cannot sort by {key!r}", hint=hint)
    rows = list(rows)
    absent = [row for row in rows if _is_absent(getattr(row, key))]
    present = [row for row in rows if not _is_absent(getattr(row, key))]
    descending = (column.form in {Form.COUNT, Form.NUMBER}) is not is_reversed
    present.sort(key=lambda row: getattr(row, key), reverse=descending)
    return (*present, *absent)


def _is_absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def as_mapping(row: object) -> Record:
    """Returns a row's attributes by name."""
    return {
        field.name: getattr(row, field.name)
        for field in dataclasses.fields(row)  # type: ignore[arg-type]
    }


def findings_document(findings: Sequence[Finding]) -> Records:
    """Returns findings for machines."""
    return Records(findings, lambda one: as_mapping(one) | {"severity": one.severity.value})
