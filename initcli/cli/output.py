"""Where a report goes, and how wide and colourful it may be there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

import typer

from initcli.cli.message import describe
from initcli.cli.step_summary import append_summary
from initcli.cli.targets import Target, refuse_inputs
from initcli.core.progress import SILENT, Progress
from initcli.core.text import visible
from initcli.render.formats import Format, streamer
from initcli.render.screen import Screen
from initcli.reports.table import Report

_BLOCK = 1 << 16
FOR_MACHINES = {Format.JSON, Format.JSONL, Format.CSV}
FOR_CI = {Format.JUNIT, Format.SARIF, Format.GITHUB}
_CARRIES_NOTES = {Format.JSON, Format.MARKDOWN, Format.GITHUB}
_SHOWS_FINDINGS = {Format.TABLE, Format.MARKDOWN, Format.SVG, Format.GITHUB}


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
    targets: Sequence[Target],
    *,
    inputs: Iterable[Path] = (),
    wide: bool = False,
) -> NoReturn:
    """Writes a report to files and stdout, the rest to stderr, and exits by the gate.

    Args:
        report: What the command found.
        targets: As `targets_of` settled them. Files are written first, each whole or not at all.
        inputs: Paths that were read, which the report must not replace.
        wide: Whether a table keeps columns for which the terminal has no room.

    Raises:
        OutputError: A file is an input, or cannot be written.
        typer.Exit: Always: 2 if something could not be read, else 0 if the report passed, else 1.
    """
    refuse_inputs(targets, inputs)
    shown = [one.form for one in targets if one.path is None]
    for one in targets:
        if one.path is not None:
            _write(one.path, _blocks(_pieces(report, one.form, Screen())))
    for form in shown:
        sys.stdout.writelines(_blocks(_pieces(report, form, _stdout_screen(wide=wide))))
        sys.stdout.flush()
    if any(one.form is Format.GITHUB for one in targets):
        append_summary(report)
    _say(report, shown[0] if shown else None)
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


def _write(path: Path, blocks: Iterable[str]) -> None:
    from initcli.formats.writing.atomic import atomic_file

    with atomic_file(path, overwrite=True) as file:
        file.writelines(block.encode("utf-8", "backslashreplace") for block in blocks)


def _say(report: Report, shown: Format | None) -> None:
    """Says on stderr what stdout does not show: notes, and what was found where."""
    if shown not in _SHOWS_FINDINGS:
        from initcli.render.findings import finding_lines

        for line in finding_lines(report.told, names_checkpoints=report.has_several):
            print(line, file=sys.stderr)
    if shown not in _CARRIES_NOTES:
        for note in report.notes:
            print(f"initcli: {visible(note)}", file=sys.stderr)
    if shown is None or not (shown in _SHOWS_FINDINGS or report.passed):
        print(f"initcli: {visible(report.verdict)}", file=sys.stderr)
