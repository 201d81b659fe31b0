"""Where a report goes, and how wide and colourful it may be there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer

from initcli.cli.message import describe
from initcli.core.errors import OutputError
from initcli.core.progress import SILENT, Progress
from initcli.core.text import visible
from initcli.render.formats import Format, format_for, streamer
from initcli.render.screen import Screen
from initcli.reports.table import Report

_STDOUT = Path("-")
_BLOCK = 1 << 16
FOR_MACHINES = {Format.JSON, Format.JSONL, Format.CSV}
_CARRIES_NOTES = {Format.JSON, Format.MARKDOWN}
_SHOWS_FINDINGS = {Format.TABLE, Format.MARKDOWN, Format.SVG}


def form_of(path: Path | None, wanted: Format | None) -> Format:
    """Settles the form of output before any work is done for it.

    Args:
        path: A file; None or `-` for stdout.
        wanted: The form asked for; by default what the file's name implies.

    Raises:
        OutputError: The file is a checkpoint's by its name, or cannot be written.
    """
    if path is None or path == _STDOUT:
        return wanted or Format.TABLE
    from initcli.formats.atomic import refuse_taken

    refuse_taken(path, overwrite=True)
    return format_for(path, wanted)


@contextmanager
def progress() -> Iterator[Progress]:
    """Lends what shows how far work has come: on stderr, if that is a terminal.

    Whatever ends the work, nothing of it is left on the screen.
    """
    shown = _terminal_progress() if _is_capable(sys.stderr) else SILENT
    try:
        yield shown
    finally:
        shown.finish()


def _terminal_progress() -> Progress:
    from initcli.render.progress import TerminalProgress

    return TerminalProgress(sys.stderr)


def deliver(
    report: Report,
    form: Format,
    path: Path | None = None,
    *,
    inputs: Iterable[Path] = (),
    wide: bool = False,
) -> None:
    """Writes a report to a file or stdout, the rest to stderr, and exits by the gate.

    Args:
        report: What the command found.
        form: As `form_of` settled it.
        path: A file; None or `-` for stdout.
        inputs: Paths that were read, which the report must not replace.
        wide: Whether a table keeps columns for which the terminal has no room.

    Raises:
        OutputError: The file is an input, or cannot be written.
        typer.Exit: Always: 2 if something could not be read, else 0 if the report passed, else 1.
    """
    path = None if path == _STDOUT else path
    screen = _stdout_screen(wide=wide) if path is None else Screen()
    blocks = _blocks(_pieces(report, form, screen))
    if path is None:
        sys.stdout.writelines(blocks)
        sys.stdout.flush()
    else:
        _write(path, blocks, inputs)
    is_seen = path is None and form in _SHOWS_FINDINGS
    _say(report, form, is_seen=is_seen, is_file=path is not None)
    for failure in report.failures:
        print(describe(failure), file=sys.stderr)
    raise typer.Exit(2 if report.failures else 0 if report.passed else 1)


def _pieces(report: Report, form: Format, screen: Screen) -> Iterator[str]:
    if form is not Format.TABLE:
        return streamer(form)(report)
    from initcli.render.table import table_pieces

    return table_pieces(report, screen)


def _blocks(pieces: Iterable[str]) -> Iterator[str]:
    """Joins pieces to blocks: stdout may be unbuffered, and a system call a row is slow.

    What fits one block is written whole or, where rendering fails, not at all.
    """
    held, size = list[str](), 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _stdout_screen(*, wide: bool) -> Screen:
    return Screen(None if wide else _width(), _has_color())


def _width() -> int | None:
    """COLUMNS where it is set, else the terminal's width; off a terminal there is no limit."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    return (
        os.get_terminal_size(sys.stdout.fileno()).columns or None if sys.stdout.isatty() else None
    )


def _has_color() -> bool:
    """NO_COLOR wins over FORCE_COLOR, and both over what stdout is."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or _is_capable(sys.stdout)


def _is_capable(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _write(path: Path, blocks: Iterable[str], inputs: Iterable[Path]) -> None:
    if path.exists() and any(one.exists() and path.samefile(one) for one in inputs):
        message = "the output is an input, and an input is never changed"
        raise OutputError(message, where=visible(str(path), 300))
    from initcli.formats.atomic import atomic_file

    with atomic_file(path, overwrite=True) as file:
        file.writelines(block.encode("utf-8", "backslashreplace") for block in blocks)


def _say(report: Report, form: Format, *, is_seen: bool, is_file: bool) -> None:
    """Says on stderr what stdout does not show: notes, and what was found where."""
    if not is_seen:
        from initcli.render.findings import finding_lines

        for line in finding_lines(report.findings):
            print(line, file=sys.stderr)
    if is_file or form not in _CARRIES_NOTES:
        for note in report.notes:
            print(f"initcli: {visible(note)}", file=sys.stderr)
    if is_file or not (is_seen or report.passed):
        print(f"initcli: {visible(report.verdict)}", file=sys.stderr)
