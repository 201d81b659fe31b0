"""A pytest plugin: `assert_checkpoint(path, recipe=…)` fails a test by what checks find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from initcli.reports.stats import StatsReport

AssertCheckpoint = Callable[..., "StatsReport"]
"""Takes what `initcli.stats` takes, and returns its report."""


@pytest.fixture(scope="session")
def assert_checkpoint() -> AssertCheckpoint:
    """Returns what fails a test unless checkpoints pass their checks.

    It is called as `initcli.stats` is: with paths, and with its options by name, such as
    `scheme`, `recipe`, `fail_on` and `strict`.

    Raises:
        AssertionError: A check failed; the message holds a line a finding.
        InitcliError: A path cannot be read, or an option means nothing.
    """
    return _assert_checkpoint


def _assert_checkpoint(*paths: str | Path, **options: Any) -> StatsReport:  # noqa: ANN401 - those of stats
    __tracebackhide__ = True
    # Nothing is imported before it is used: this module is loaded with every run of pytest.
    import initcli

    report = initcli.stats(*paths, **{"detail": False, **options})
    if report.passed:
        return report
    from initcli.render.findings import finding_lines

    raise AssertionError(
        "\n".join(
            (report.verdict, *finding_lines(report.told, names_checkpoints=report.has_several))
        )
    )
