"""The shape all reports share, so that every renderer can write every report."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, overload

from initcli.core.errors import InitcliError

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
    def has_several(self) -> bool:
        """Whether findings may come from several checkpoints."""

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


def as_mapping(row: object) -> Record:
    """Returns a row's attributes by name."""
    return {
        field.name: getattr(row, field.name)
        for field in dataclasses.fields(row)  # type: ignore[arg-type]
    }


def findings_document(findings: Sequence[Finding]) -> Records:
    """Returns findings for machines."""
    return Records(findings, lambda one: as_mapping(one) | {"severity": one.severity.value})
