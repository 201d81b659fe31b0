"""The summary that GitHub shows of a step: a file to which a command may append Markdown."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initcli.reports.table import Report

_VARIABLE = "GITHUB_STEP_SUMMARY"


def summary_path() -> Path | None:
    """Returns the file that the runner offers; None outside of it."""
    name = os.environ.get(_VARIABLE)
    return Path(name) if name else None


def append_summary(report: Report) -> None:
    """Appends a report to the step's summary, as far as GitHub takes it.

    Raises:
        WriteError: The system refused.
    """
    path = summary_path()
    if path is None:
        return
    from initcli.formats.writing.atomic import told_as_write_error
    from initcli.render.github import SUMMARY_LIMIT, summary

    with told_as_write_error(path), path.open("ab") as file:
        # Appending, so that what other commands of the step have written stays.
        text = summary(report, SUMMARY_LIMIT - file.tell())
        file.write(text.encode("utf-8", "backslashreplace"))
    if not text:
        print("initcli: the step's summary is full, and was left as it is", file=sys.stderr)
