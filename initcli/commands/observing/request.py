"""What a run of `stats` is to find out of every tensor, read off what the user asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from initcli.core.errors import OptionError
from initcli.core.progress import SILENT, Progress
from initcli.engine.local import default_jobs
from initcli.engine.wanted import PLAIN, Wanted
from initcli.reports.choice import named_columns, refuse_unknown
from initcli.reports.tensor_columns import (
    COLUMNS,
    DISTRIBUTION_KEYS,
    HASH_KEYS,
    IDENTITY_KEYS,
    LINE_KEYS,
    METADATA_KEYS,
    QUANTILES,
    SPECTRUM_KEYS,
    UNPOOLED_KEYS,
)


@dataclass(frozen=True, slots=True)
class Show:
    """How rows are to be shown.

    Attributes:
        columns: Comma-separated keys, or `+key,-key` to change the default.
        sort: The column to sort by; `-key` reverses.
        top: How many rows.
        by: What to pool tensors by.
        spectrum: Whether the columns of spectra are asked for, named or not.
    """

    columns: str | None = None
    sort: str | None = None
    top: int | None = None
    by: str | None = None
    spectrum: bool = False

    @property
    def asked(self) -> set[str]:
        """The columns that the user names, to be shown or to sort by."""
        named = named_columns(self.columns, self.sort)
        return named | (SPECTRUM_KEYS if self.spectrum else set())

    @property
    def needs_values(self) -> bool:
        """Whether anything is shown that a header does not tell."""
        keys = [*(self.columns or "+").split(","), *(self.sort or "").removeprefix("-").split()]
        return not {key.strip() for key in keys} <= METADATA_KEYS

    def check(self) -> None:
        """Refuses what cannot be shown before anything is read for it.

        Raises:
            OptionError: A key names no column, or nothing that pools of tensors have.
        """
        if self.by is not None and self.spectrum:
            raise OptionError("--spectrum is of single tensors only, and --by pools them")
        if self.by is not None and (single := sorted(self.asked & UNPOOLED_KEYS)):
            raise OptionError(f"{single[0]} is known of single tensors only, and --by pools them")
        refuse_unknown(COLUMNS, self.columns, self.sort)


@dataclass(frozen=True, slots=True)
class Request:
    """What to find out of every tensor.

    Attributes:
        wanted: What to learn of values in the one pass.
        values: Whether values are read at all, and not headers only.
        spectrum: Whether singular values are computed, for which matrices are read again.
        level: At which each tensor is asked for its initialisation; 0 if none is.
        exact: Whether up to 2²³ values of a matrix are looked at for that, and not 2¹⁸.
        jobs: Threads.
        progress: Told of what is read.
    """

    wanted: Wanted = PLAIN
    values: bool = True
    spectrum: bool = False
    level: float = 0.0
    exact: bool = False
    jobs: int = 1
    progress: Progress = SILENT

    @classmethod
    def of(
        cls,
        show: Show,
        *,
        rows: bool,
        hashes: bool,
        detail: bool,
        values: bool,
        level: float,
        exact: bool,
        jobs: int | None,
        progress: Progress,
    ) -> Self:
        """Builds a request from options and from the columns that need an answer.

        Args:
            show: What is shown.
            rows: Whether rows are looked at even if no column shows it.
            hashes: Whether bytes are hashed even if no column shows it.
            detail: Whether every column is computed if the user names none.
            values: Whether something else needs the values.
            level: At which each tensor is asked for its initialisation; 0 if none is.
            exact: Whether up to 2²³ values of a matrix are looked at for that.
            jobs: Threads; by default as many as cores.
            progress: Told of what is read.
        """
        is_drawn = (detail and not show.columns and show.by is None) or bool(
            show.asked & DISTRIBUTION_KEYS
        )
        wanted = Wanted(
            tuple(QUANTILES.values()) if is_drawn else (),
            lines=rows or bool(show.asked & LINE_KEYS),
            digest=hashes or bool(show.asked & HASH_KEYS),
            table=bool(level),
        )
        is_spectral = bool(show.asked & SPECTRUM_KEYS)
        needs_values = values or show.needs_values or is_spectral or wanted != PLAIN
        return cls(
            wanted, needs_values, is_spectral, level, exact, jobs or default_jobs(), progress
        )

    @property
    def unmeasured_keys(self) -> set[str]:
        """The columns that nobody asked for, and that machines are not given empty."""
        groups = (
            (LINE_KEYS, self.wanted.lines),
            (HASH_KEYS, self.wanted.digest),
            (SPECTRUM_KEYS, self.spectrum),
            (IDENTITY_KEYS, self.level),
        )
        return {key for keys, is_measured in groups if not is_measured for key in keys}
