"""What colours mean, and how text takes one on where colour is wanted."""

from __future__ import annotations

from collections.abc import Callable

Paint = Callable[[str, str], str]
"""Gives a text a style, such as `bold red`."""

_OUTCOMES = {
    "ok": "green",
    "not checked": "yellow",
    "identical": "dim",
    "drawn": "green",
    "skipped": "yellow",
}
_ALARMING_ENDS = ("off", "changed", "differs")
_ALARMING_START = "only in"


def outcome_style(text: str) -> str:
    """Returns the style of an outcome; empty for one that is nothing special."""
    if text.endswith(_ALARMING_ENDS) or text.startswith(_ALARMING_START):
        return "red"
    return _OUTCOMES.get(text, "")


def plain(text: str, style: str) -> str:  # noqa: ARG001 - every paint is given a style
    """Leaves a text as it is."""
    return text


def coloured(text: str, style: str) -> str:
    """Wraps a text in the codes of a style."""
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)
