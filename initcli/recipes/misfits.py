"""Which tensors that are drawn together do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from initcli.schemes.registry import Draw, Shared


def misfits(draws: Mapping[str, Draw]) -> dict[str, str]:
    """Returns why tensors cannot be drawn from what others are drawn from, too.

    Args:
        draws: How tensors are drawn, by name.

    Returns:
        The reason of each that does not fit another, of which the other has its own.
    """
    groups: dict[str, dict[str, Shared]] = {}
    for name, draw in draws.items():
        if draw.shared:
            groups.setdefault(draw.shared.key, {})[name] = draw.shared
    return {
        name: reason for group in groups.values() for name, reason in _misfits_of(group).items()
    }


def _misfits_of(group: Mapping[str, Shared]) -> dict[str, str]:
    found: dict[str, str] = {}
    for (name, one), (other_name, other) in combinations(group.items(), 2):
        for what, own, others in _differences(one, other):
            found.setdefault(name, f"{what}: {own}, but {others} in what it is drawn with")
            found.setdefault(other_name, f"{what}: {others}, but {own} in what it is drawn with")
    return found


def _differences(one: Shared, other: Shared) -> Iterator[tuple[str, object, object]]:
    if twice := sorted(one.parts & other.parts):
        yield "of one attention", ", ".join(twice), "the same"
    for what in one.agreed:
        if what in other.agreed and one.agreed[what] != other.agreed[what]:
            yield what, one.agreed[what], other.agreed[what]
