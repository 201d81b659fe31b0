"""Narrows what tensors are consistent with by what all of one role have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from initcli.core.tensor import Shape
from initcli.core.text import role_of
from initcli.theory.identify.identity import Fit, Identity, Kind

_FEWEST = 3


def narrowed(
    identities: Mapping[str, Identity], shapes: Mapping[str, Shape]
) -> dict[str, Identity]:
    """Returns the verdicts, each set of schemes cut to those that its role shares.

    Tensors of one shape whose names differ in numbers only play one role in different layers. If
    one scheme drew all of them, it is in every set, and so in what the sets share; where they
    share nothing, no one scheme did, and the sets stay as they are.

    Args:
        identities: Of the tensors of one checkpoint, by name.
        shapes: Likewise.
    """
    roles: dict[object, list[str]] = {}
    for name, one in identities.items():
        if one.kind is Kind.CONSISTENT:
            roles.setdefault((role_of(name), shapes[name]), []).append(name)
    result = dict(identities)
    for names in roles.values():
        shared = frozenset.intersection(*(frozenset(identities[name].schemes) for name in names))
        if shared and len(names) >= _FEWEST:
            result.update({name: _cut(identities[name], shared, len(names)) for name in names})
    return result


def _cut(identity: Identity, shared: frozenset[str], tensors: int) -> Identity:
    fits = tuple(
        replace(fit, schemes=tuple(each for each in fit.schemes if each in shared))
        for fit in identity.fits
        if not shared.isdisjoint(fit.schemes)
    )
    return replace(identity, fits=fits, shared_by=tensors) if _is_less(fits, identity) else identity


def _is_less(fits: tuple[Fit, ...], identity: Identity) -> bool:
    return sum(len(fit.schemes) for fit in fits) < len(identity.schemes)
