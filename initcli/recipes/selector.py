"""Chooses tensors by name: globs, or regular expressions behind `re:`."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

from initcli.core.errors import PatternError
from initcli.core.text import did_you_mean, visible

_REGEX = "re:"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern as the user wrote it.

    A glob must match the whole name, and its `*` crosses dots; a regular expression may match
    anywhere in it.
    """

    text: str

    @property
    def is_name(self) -> bool:
        """Whether it names one tensor, with no wildcard."""
        return not self.text.startswith(_REGEX) and not _WILDCARDS & set(self.text)

    def matches(self, name: str) -> bool:
        """Whether it matches a name.

        Raises:
            PatternError: It is no regular expression.
        """
        # A name may hold brackets; then the name itself is the pattern meant.
        return name == self.text or _compile(self.text).search(name) is not None


def _hint(pattern: Pattern, names: Collection[str]) -> str:
    if pattern.text and any(name.startswith(f"{pattern.text}.") for name in names):
        return f"a pattern matches whole names: did you mean '{visible(pattern.text, 80)}.*'?"
    return did_you_mean(pattern.text, names) or "initcli stats lists the names"


@functools.lru_cache(maxsize=256)
def _compile(text: str) -> re.Pattern[str]:
    source = text.removeprefix(_REGEX) if text.startswith(_REGEX) else r"\A" + translate(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(source)
    except (re.error, OverflowError, RecursionError) as error:
        message = f"not a regular expression: {error}"
        raise PatternError(message, where=visible(text, 200)) from error


@dataclass(frozen=True, slots=True)
class Selector:
    """Patterns of which one must match, and patterns of which none may."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, include: Sequence[str] | str = (), exclude: Sequence[str] | str = ()) -> Selector:
        """Builds a selector from patterns as users write them, one or several."""
        several = (
            [patterns] if isinstance(patterns, str) else patterns for patterns in (include, exclude)
        )
        return cls(*(tuple(map(Pattern, patterns)) for patterns in several))

    def choose(self, names: Collection[str]) -> list[str]:
        """Returns the chosen names in their order; without patterns, all.

        Raises:
            PatternError: A pattern is malformed or matches nothing, or nothing is left.
        """
        for pattern in (*self.include, *self.exclude):
            if not any(pattern.matches(name) for name in names):
                where = visible(pattern.text, 200) or "an empty pattern"
                raise PatternError("no tensor matches", where=where, hint=_hint(pattern, names))
        chosen = [name for name in names if self.matches(name)]
        if names and not chosen:
            raise PatternError("the patterns exclude every tensor", hint="narrow --exclude")
        return chosen

    def choose_tied(self, names: Iterable[str], ties: Mapping[str, str]) -> list[str]:
        """Returns the stored names that are chosen; a tied tensor is by any of its names.

        Args:
            names: The stored names.
            ties: Further names: alias to stored name.

        Raises:
            PatternError: A pattern is malformed or matches nothing, or nothing is left.
        """
        stored = dict.fromkeys(names)
        aliases = {alias: name for alias, name in ties.items() if alias not in stored}
        chosen = self.choose([*stored, *aliases])
        return list(dict.fromkeys(aliases.get(name, name) for name in chosen))

    def names(self, name: str) -> bool:
        """Whether a pattern without wildcards is exactly this name."""
        return any(pattern.is_name and pattern.text == name for pattern in self.include)

    def matches(self, name: str) -> bool:
        """Whether a name is chosen."""
        included = not self.include or any(pattern.matches(name) for pattern in self.include)
        return included and not any(pattern.matches(name) for pattern in self.exclude)
