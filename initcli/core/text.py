"""Names are data: what a terminal, log or message may show of them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# What CI runners obey: `##[…]`, `##vso[…]` and their kin anywhere; `::…::` at the start of a line,
# before which they trim white space, and where a style of ours may stand too.
_ANYWHERE = re.compile(r"#(?=#\w*\[)")
_DIGITS = re.compile(r"([0-9]+)")
_AT_START = re.compile(r"((?:\s|\x1b\[[\d;]*m)*):(?=:)")


def visible(text: str, limit: int | None = None) -> str:
    r"""Shows every control, format, bidirectional and unpaired character escaped.

    So is what a CI runner would obey wherever it stands in a line.

    Args:
        text: Anything an input file may hold.
        limit: The most characters to return; what is cut is marked with an ellipsis.

    >>> visible("w\x1b[31m")
    'w\\x1b[31m'
    """
    # Cutting first keeps a hostile name of a megabyte from being escaped whole.
    head = text if limit is None else text[: limit + 1]
    # What Python calls printable holds nothing unsafe.
    shown = head if head.isprintable() else "".join(map(_escape, head))
    shown = without_commands(shown, r"\x23")
    return shown if limit is None or len(shown) <= limit else shown[: limit - 1] + "…"


def without_commands(text: str, number_sign: str) -> str:
    """Escapes commands that a CI runner finds anywhere in a line.

    Args:
        text: What is to be written.
        number_sign: How the first character of a command is escaped in this medium.
    """
    return _ANYWHERE.sub(lambda _: number_sign, text) if "##" in text else text


def starts_command(text: str) -> bool:
    """Tells whether a CI runner would obey a line that starts so."""
    return "::" in text and _AT_START.match(text) is not None


def inert(line: str) -> str:
    r"""Escapes the command that a CI runner would find at the start of a line.

    >>> inert("  ::error::forged")
    '  \\x3a:error::forged'
    """
    return _AT_START.sub(r"\1\\x3a", line, count=1) if starts_command(line) else line


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


def listed(words: Sequence[str]) -> str:
    """Returns words as a sentence lists them.

    >>> listed(["mean", "variance", "structure"])
    'mean, variance and structure'
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def some(names: Sequence[str], most: int = 3) -> str:
    """Returns the first of some names, and how many there are beside."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


_NUMBER = re.compile(r"(?<![^._/])\d+(?![^._/])")


def role_of(name: str) -> str:
    """Returns a tensor's name with the numbers of layers and experts left open.

    >>> role_of("model.layers.12.mlp.experts.3.w1.weight")
    'model.layers.*.mlp.experts.*.w1.weight'
    """
    return _NUMBER.sub("*", name)


def natural(text: str) -> list[tuple[int, int, str]]:
    """Returns a key that sorts numbers in texts by their value.

    >>> sorted(["step10", "step9"], key=natural)
    ['step9', 'step10']
    """
    # Python refuses to read numbers of thousands of digits; without zeros their length orders them.
    return [
        (1, len(number := part.lstrip("0")), number) if i % 2 else (0, 0, part)
        for i, part in enumerate(_DIGITS.split(text))
    ]
