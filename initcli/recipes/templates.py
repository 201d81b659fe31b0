r"""Renames that several pairs of names have in common: `^h\.(\d+)\.=blocks.\1.`.

Names are cut into what are numbers and what is not. Pairs that differ in numbers only share a
template: a number that varies in A must be one of B's, which becomes a group; one that does not
is written out. What both names end in is left out, so that one rename serves weights and biases.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from initcli.recipes.name_pairs import Gain, Names, Pairs, written
from initcli.recipes.renames import Rename

_NUMBERS = re.compile(r"(\d+)")
_MOST = 8
_MOST_RENAMES = 16
_LAST_DIGIT = 9

Token = str | int
"""Text, or the place of a number among B's."""

Segment = tuple[Token, ...]
"""What stands between two dots."""


def explained(pairs: Pairs, names: Names) -> tuple[list[Gain], dict[str, str]]:
    """Explains pairs of names by few renames, in which numbers may be groups.

    Args:
        pairs: Names of B that only B has, and what they are in A.
        names: All names; each rename may pair more than the pairs, if shapes agree.

    Returns:
        Renames in order with what each pairs, and the pairs left unexplained.
    """
    left, found = dict(pairs), list[Gain]()
    while left and len(found) < _MOST_RENAMES:
        gains = [(rename, names.gained(rename)) for rename in _templates(left)]
        best = max(gains, key=lambda each: len(each[1]), default=None)
        if best is None or not best[1].keys() & left.keys():
            break
        found.append(best)
        names = names.renamed(best[0])
        became = {best[0].apply(b): a for b, a in left.items()}
        left = {b: a for b, a in became.items() if b in names.only_b and a in names.only_a}
    return found, left


def literal(b: str, a: str) -> Rename | None:
    """Returns the rename of one name; None if it cannot be written: a map leaves no name empty."""
    if not a:
        return None
    return next(written(f"^{re.escape(b)}$", _verbatim(a)), None)


def _templates(pairs: Pairs) -> Iterator[Rename]:
    """Yields what may explain the pairs, for the templates that most of them share."""
    groups: dict[tuple[tuple[str, ...], ...], list[tuple[str, str]]] = defaultdict(list)
    for pair in pairs.items():
        groups[tuple(tuple(_NUMBERS.split(name)[::2]) for name in pair)].append(pair)
    for group in sorted(groups.values(), key=len, reverse=True)[:_MOST]:
        if len(group) > 1 and (found := _tokens(group)):
            yield from _renames(*found)


def _tokens(group: Sequence[tuple[str, str]]) -> tuple[list[Segment], list[Segment]] | None:
    """Returns B's and A's names as segments of one template; None if they have none."""
    parts_b, parts_a = ([_NUMBERS.split(pair[side]) for pair in group] for side in (0, 1))
    columns_b, columns_a = list(zip(*parts_b, strict=True)), list(zip(*parts_a, strict=True))
    of_column = {column: i for i, column in reversed(list(enumerate(columns_b))) if i % 2}
    tokens_b: list[Token] = [
        i if i % 2 and _varies(column) else column[0] for i, column in enumerate(columns_b)
    ]
    tokens_a: list[Token] = []
    for column in columns_a:
        if _varies(column) and column not in of_column:
            return None
        tokens_a.append(of_column[column] if _varies(column) else column[0])
    return _segments(tokens_b), _segments(tokens_a)


def _varies(column: Sequence[str]) -> bool:
    return len(set(column)) > 1


def _segments(tokens: Sequence[Token]) -> list[Segment]:
    """Cuts a template at the dots of its text."""
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, int):
            segments[-1].append(token)
            continue
        first, *others = token.split(".")
        segments[-1].append(first)
        segments.extend([each] for each in others)
    return [tuple(token for token in segment if token != "") for segment in segments]


def _renames(b: list[Segment], a: list[Segment]) -> Iterator[Rename]:
    """Yields the rename of a template without the tail that both share, and the whole."""
    backwards = zip(reversed(b), reversed(a), strict=False)
    same = len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], backwards)))
    tail = min(same, len(b) - 1, len(a) - 1)
    for kept in (tail, 0) if tail else (0,):
        yield from _written(b[: len(b) - kept], a[: len(a) - kept], is_whole=not kept)


def _written(b: Sequence[Segment], a: Sequence[Segment], *, is_whole: bool) -> Iterator[Rename]:
    numbers = [token for segment in b for token in segment if isinstance(token, int)]
    asked = {token for segment in a for token in segment if isinstance(token, int)}
    if not asked <= set(numbers):
        return
    group_of = {n: i for i, n in enumerate((n for n in numbers if n in asked), start=1)}
    regex = r"\.".join("".join(_matching(token, group_of) for token in each) for each in b)
    replacement = ".".join("".join(_replacing(token, group_of) for token in each) for each in a)
    end_b, end_a = ("$", "") if is_whole else (r"\.", ".")
    yield from written(f"^{regex}{end_b}", f"{replacement}{end_a}")


def _matching(token: Token, group_of: dict[int, int]) -> str:
    if isinstance(token, str):
        return re.escape(token)
    return r"(\d+)" if token in group_of else r"\d+"


def _replacing(token: Token, group_of: dict[int, int]) -> str:
    if isinstance(token, str):
        return _verbatim(token)
    return rf"\g<{group_of[token]}>" if group_of[token] > _LAST_DIGIT else rf"\{group_of[token]}"


def _verbatim(text: str) -> str:
    """Returns what is replaced by a text as it stands."""
    return text.replace("\\", r"\\")
