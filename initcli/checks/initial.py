"""Checks of tensors that nothing has changed since they were drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from initcli.checks.contents import Contents
from initcli.checks.finding import Severity
from initcli.checks.registry import check
from initcli.core.text import plural, role_of, some, visible
from initcli.theory.identify.identity import Kind

if TYPE_CHECKING:
    from initcli.checks.observation import Observation

_LONGEST = 120
_FEWEST = 2
_SHARE = 0.5
_WEIGHT = re.compile(r"(weight|kernel|embedding|proj)[^.]*$")
# Smaller matrices are moved by a third before anything shows it.
_FEWEST_VALUES = 4096
# Of a trained matrix places mostly speak, if not as loudly as a verdict asks for.
_SUSPICIOUS = 0.01
_DRAWN = frozenset({Kind.CONSISTENT, Kind.STRUCTURED})
_CHANGED = frozenset({Kind.NOT_INITIAL, Kind.UNKNOWN_LAW})


@check(
    "IC310",
    Severity.ERROR,
    of=Contents,
    looks_at="weights of 4,096 values or more, with --identify",
    needs="identity",
    evidence="has_identities",
    advice="see whether its name matches when the checkpoint is loaded and saved, or lower it by "
    "an override if it is meant to stay as it was drawn",
)
def still_initial(contents: Contents) -> Iterator[tuple[str, str]]:
    """A matrix is statistically consistent with an initialisation, and its neighbours are trained.

    Mostly its name did not match when weights were loaded, so that it kept what it was drawn with.
    Neighbours are those of the same role in other layers; without two of them, all matrices of the
    checkpoint. Half of them must be at no known initialisation, and somewhere in the checkpoint
    places must show that it was trained.
    """
    matrices = _matrices(contents)
    if not any(map(_is_trained, matrices)):
        return
    roles: dict[str, list[Observation]] = {}
    for each in matrices:
        roles.setdefault(role_of(each.tensor), []).append(each)
    for each in matrices:
        peers = roles[role_of(each.tensor)]
        # What is fixed may be meant to be; of a role that is trained elsewhere, it is not.
        is_alone = len(peers) <= _FEWEST and _kind(each) is Kind.CONSISTENT
        neighbours = _changed(each, matrices if is_alone else peers)
        if neighbours and _is_still_drawn(each):
            yield each.tensor, _told(each, neighbours)


@check(
    "IC311",
    Severity.NOTE,
    of=Contents,
    looks_at="weights of two dimensions or more, with --identify",
    needs="identity",
    evidence="has_identities",
    advice="train it, or see whether the right file was saved",
)
def wholly_initial(contents: Contents) -> str | None:
    """Every matrix is statistically consistent with an initialisation.

    Nothing in the checkpoint shows that it was ever trained.
    """
    judged = _matrices(contents)
    kinds = {_kind(each) for each in judged}
    # What is all fixed was perhaps never meant to be drawn.
    if Kind.CONSISTENT not in kinds or not kinds <= _DRAWN:
        return None
    return f"{plural(len(judged), 'matrix', 'matrices')}, and none shows that it was trained"


def _matrices(contents: Contents) -> list[Observation]:
    """Returns the weights of which anything can be told; masks and tables are never trained."""
    told = _DRAWN | _CHANGED
    return [
        each
        for each in contents.seen
        if each.spec.is_matrix and _kind(each) in told and _WEIGHT.search(each.tensor)
    ]


def _kind(seen: Observation) -> Kind | None:
    return seen.identity.kind if seen.identity else None


def _is_still_drawn(seen: Observation) -> bool:
    """Whether it is consistent with an initialisation, and large enough to show if it were not.

    Some scale of the catalogue is near that of a trained matrix by chance; that its places show
    nothing at all is not.
    """
    places = seen.identity.places if seen.identity else {}
    shows_nothing = min(places.values(), default=1.0) >= _SUSPICIOUS
    is_large = seen.spec.parameters >= _FEWEST_VALUES
    return _kind(seen) in _DRAWN and is_large and shows_nothing


def _is_trained(seen: Observation) -> bool:
    return _kind(seen) is Kind.NOT_INITIAL


def _changed(seen: Observation, peers: Sequence[Observation]) -> list[Observation]:
    """Returns a matrix's peers that are at no known initialisation, if they are most of them."""
    others = [each for each in peers if each is not seen]
    changed = [each for each in others if _kind(each) in _CHANGED]
    return changed if len(changed) >= _SHARE * len(others) else []


def _told(seen: Observation, neighbours: Sequence[Observation]) -> str:
    text = visible(seen.identity.text, _LONGEST) if seen.identity else ""
    is_fixed = _kind(seen) is Kind.STRUCTURED
    names = some([visible(each.tensor, _LONGEST) for each in neighbours])
    return f"{'it holds' if is_fixed else 'statistically'} {text}; beside trained {names}"
