"""What is sound and is not read."""

from __future__ import annotations

from initcli.core.errors import MalformedError


class UnreadError(MalformedError):
    """Something that is sound and cannot be read; whoever needs it is told as of what is broken."""
