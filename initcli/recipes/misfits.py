"""Which tensors that are drawn together do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

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
    takers: dict[str, list[str]] = {}
    claims: dict[str, dict[object, list[str]]] = {}
    for name, shared in group.items():
        for part in sorted(shared.parts):
            takers.setdefault(part, []).append(name)
        for what, value in shared.agreed.items():
            claims.setdefault(what, {}).setdefault(value, []).append(name)
    return dict((*_contradictions(claims), *_repetitions(takers)))


def _repetitions(takers: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for part, names in takers.items():
        for name in names if len(names) > 1 else ():
            yield name, f"another tensor is the {part} of what it is drawn from, too"


def _contradictions(
    claims: Mapping[str, Mapping[object, list[str]]],
) -> Iterator[tuple[str, str]]:
    for what, names_of in claims.items():
        for value, names in names_of.items():
            for other in islice((each for each in names_of if each != value), 1):
                yield from (
                    (name, f"{what}: {value}, but {other} in what it is drawn with")
                    for name in names
                )
