"""Prints prose by rich, which wraps it between words to fit a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console, RenderableType

from initcli.render.screen import Screen

_UNLIMITED = 1_000_000


def printed(parts: Iterable[RenderableType], screen: Screen) -> list[str]:
    """Returns the lines that parts take on a screen."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=screen.width or _UNLIMITED,
        force_terminal=screen.color,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for part in parts:
        console.print(part, overflow="fold", crop=False)
    return [line.rstrip() for line in file.getvalue().splitlines()]
