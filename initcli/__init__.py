"""Initialises, inspects and compares neural-network checkpoints, beside what theory expects."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from initcli.core.version import VERSION as __version__

if TYPE_CHECKING:
    from initcli.commands.checks import list_checks
    from initcli.commands.compare import compare
    from initcli.commands.gains import list_gains
    from initcli.commands.init import init
    from initcli.commands.recipes import list_recipes
    from initcli.commands.schema import schema
    from initcli.commands.schemes import list_schemes
    from initcli.commands.stats import stats
    from initcli.commands.timeline import timeline
    from initcli.core.errors import InitcliError
    from initcli.engine.draw import generator
    from initcli.reports.compare import CompareReport
    from initcli.reports.init import InitReport
    from initcli.reports.stats import StatsReport
    from initcli.reports.timeline import TimelineReport

_HOMES = {
    "CompareReport": "initcli.reports.compare",
    "InitReport": "initcli.reports.init",
    "InitcliError": "initcli.core.errors",
    "StatsReport": "initcli.reports.stats",
    "TimelineReport": "initcli.reports.timeline",
    "compare": "initcli.commands.compare",
    "generator": "initcli.engine.draw",
    "init": "initcli.commands.init",
    "list_checks": "initcli.commands.checks",
    "list_gains": "initcli.commands.gains",
    "list_recipes": "initcli.commands.recipes",
    "list_schemes": "initcli.commands.schemes",
    "schema": "initcli.commands.schema",
    "stats": "initcli.commands.stats",
    "timeline": "initcli.commands.timeline",
}

__all__ = [
    "CompareReport",
    "InitReport",
    "InitcliError",
    "StatsReport",
    "TimelineReport",
    "__version__",
    "compare",
    "generator",
    "init",
    "list_checks",
    "list_gains",
    "list_recipes",
    "list_schemes",
    "schema",
    "stats",
    "timeline",
]


def __getattr__(name: str) -> object:
    """Imports what is asked for, so that a bare `import initcli` costs nothing."""
    if name not in _HOMES:
        message = f"module 'initcli' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
