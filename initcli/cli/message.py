"""How a failure is told."""

from __future__ import annotations

from initcli.core.errors import InitcliError
from initcli.core.text import visible


def describe(error: InitcliError) -> str:
    """Returns the one message of a failure: code, what, where, and what to do."""
    lines = [f"initcli: error {error.code}: {error.title}: {visible(error.message, 400)}"]
    if error.where:
        lines.append(f"  where: {visible(error.where, 300)}")
    if error.hint:
        lines.append(f"  hint: {visible(error.hint, 200)}")
    return "\n".join(lines)
