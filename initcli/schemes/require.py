"""How a scheme refuses parameters that contradict each other."""

from __future__ import annotations


def require(condition: bool, message: str) -> None:
    """Refuses a parameter unless a condition holds.

    Raises:
        ValueError: It does not; the message says what must hold.
    """
    if not condition:
        raise ValueError(message)
