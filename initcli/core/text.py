"""Names are data: what a terminal, log or message may show of them."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def visible(text: str, limit: int | None = None) -> str:
    r"""Shows every control, format, bidirectional and unpaired character escaped.

    Args:
        text: Anything an input file may hold.
        limit: The most characters to return; what is cut is marked with an ellipsis.

    >>> visible("w\x1b[31m")
    'w\\x1b[31m'
    """
    if text.isprintable():  # what Python calls printable holds nothing unsafe
        shown = text
    else:
        # Cutting first keeps a hostile name of a megabyte from being escaped whole.
        head = text if limit is None else text[: limit + 1]
        shown = "".join(_escape(character) for character in head)
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns a hint naming the closest known words, or an empty string."""
    # Matching costs the product of lengths, and names come from the file.
    candidates = [name for name in known if len(name) <= 4 * len(word) + 40]
    close = difflib.get_close_matches(word[:200], candidates[:2000], n=3, cutoff=0.6)
    return f"did you mean {' or '.join(visible(name, 80) for name in close)}?" if close else ""


def plural(count: int, noun: str, many: str = "") -> str:
    """Returns a count with its noun: `1 tensor`, `2 tensors`, `3 matrices`.

    >>> plural(3, "matrix", "matrices")
    '3 matrices'
    """
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
