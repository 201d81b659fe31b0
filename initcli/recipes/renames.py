"""Renames: regular expressions by which one checkpoint's names become those of another."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from initcli.core.errors import OptionError
from initcli.core.text import visible

_WRITTEN = "a rename is written REGEX=REPLACEMENT, such as '^module\\.='"


@dataclass(frozen=True, slots=True)
class Rename:
    r"""What is replaced in a name, wherever it occurs, and by what.

    Written `REGEX=REPLACEMENT`: the last `=` parts the two, so that a lookahead needs no escape,
    and `\1` stands for what the first group matched, as in `re.sub`.

    >>> Rename.parse(r"^h\.(\d+)\.=blocks.\1.").apply("h.11.ln.weight")
    'blocks.11.ln.weight'
    """

    regex: re.Pattern[str]
    replacement: str

    @classmethod
    def parse(cls, text: str) -> Rename:
        """Reads a rename as users write it.

        Raises:
            OptionError: It has no `=`, or is no regular expression and replacement.
        """
        regex, equals, replacement = text.rpartition("=")
        if not equals or not regex:
            raise OptionError("not a rename", where=visible(text, 200), hint=_WRITTEN)
        return cls(_compiled(regex, replacement, text), replacement)

    @property
    def text(self) -> str:
        """The rename as users write it."""
        return f"{self.regex.pattern}={self.replacement}"

    def apply(self, name: str) -> str:
        """Returns what becomes of a name."""
        return self.regex.sub(self.replacement, name)


def _compiled(regex: str, replacement: str, text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(regex)
            compiled.sub(replacement, "")  # which reads the replacement whatever matches
    except (re.error, IndexError, OverflowError, RecursionError) as error:
        message = f"not a regular expression and its replacement: {error}"
        raise OptionError(message, where=visible(text, 200), hint=_WRITTEN) from error
    return compiled


def new_names(renames: Sequence[Rename], names: Iterable[str]) -> dict[str, str]:
    """Returns what becomes of every name, the renames applied in their order.

    Raises:
        OptionError: Two names fall on one, or nothing is left of a name.
    """
    new: dict[str, str] = {}
    old_of: dict[str, str] = {}
    for name in names:
        became = _renamed(renames, name)
        other = old_of.setdefault(became, name)
        if other != name:
            raise OptionError(
                f"renamed, both {visible(other, 200)} and {visible(name, 200)} "
                f"are {visible(became, 200)}",
                hint="make the regex tell them apart",
            )
        new[name] = became
    return new


def _renamed(renames: Sequence[Rename], name: str) -> str:
    became = name
    for rename in renames:
        became = rename.apply(became)
    if name and not became:
        raise OptionError("renamed, nothing is left of a name", where=visible(name, 200))
    return became


def idle(renames: Sequence[Rename], names: Iterable[str]) -> list[Rename]:
    """Returns the renames that change no name, each tried on what those before it make."""
    current, unused = list(names), list[Rename]()
    for rename in renames:
        became = [rename.apply(name) for name in current]
        if became == current:
            unused.append(rename)
        current = became
    return unused
