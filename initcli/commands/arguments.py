"""Checks of arguments that several commands take."""

from __future__ import annotations

from initcli.core.errors import OptionError


def require_positive(**arguments: int | None) -> None:
    """Refuses whole numbers below one; None stands for the default.

    Raises:
        OptionError: One of them is below one.
    """
    for name, value in arguments.items():
        if value is not None and value < 1:
            raise OptionError(f"{name} must be at least 1, not {value}")
