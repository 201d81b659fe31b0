"""What the shell completes."""

from __future__ import annotations

from initcli.schemes.gain import NAMES
from initcli.schemes.registry import SCHEMES


def scheme(incomplete: str) -> list[str]:
    """Completes a scheme's name in the shell."""
    return [name for name in SCHEMES if name.startswith(incomplete)]


def recipe(incomplete: str) -> list[str]:
    """Completes a recipe's name in the shell."""
    from initcli.recipes.recipe import builtin_names

    return [name for name in builtin_names() if name.startswith(incomplete)]


def nonlinearity(incomplete: str) -> list[str]:
    """Completes a nonlinearity's name in the shell."""
    return [name for name in NAMES if name.startswith(incomplete)]


def check(incomplete: str) -> list[str]:
    """Completes a check's code in the shell."""
    from initcli.checks.registry import CHECKS

    return [code for code in sorted(CHECKS) if code.startswith(incomplete.upper())]
