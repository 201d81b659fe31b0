"""Checks of tensors beside those of the same role in other layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from initcli.checks.contents import Contents
from initcli.checks.finding import Severity
from initcli.checks.registry import check
from initcli.core.tensor import TensorSpec
from initcli.core.text import plural, role_of, some, visible

_LEAST_PEERS = 4
_LEAST_SHARE = 0.75


@check(
    "IC305",
    Severity.WARNING,
    of=Contents,
    looks_at="tensors whose names differ by their layers' numbers only",
    evidence="has_peers",
    advice="cast them alike, or see that the mixture is meant",
)
def dtype_departs(contents: Contents) -> Iterator[tuple[str, str]]:
    """A few tensors have another dtype than those of the same role in other layers.

    Mostly a layer that was patched or converted apart: it costs memory, or lost precision.
    """
    for (role, _), peers in _roles(contents).items():
        counts = Counter(spec.dtype.code for spec in peers)
        usual, count = counts.most_common(1)[0]
        odd = [spec for spec in peers if spec.dtype.code != usual]
        if odd and count >= _LEAST_PEERS and count >= _LEAST_SHARE * len(peers):
            yield odd[0].name, _departure(role, usual, count, odd)


def _roles(contents: Contents) -> dict[tuple[str, int], list[TensorSpec]]:
    """Returns the tensors of each role: in a plain sequence, ranks tell norms from kernels."""
    roles: dict[tuple[str, int], list[TensorSpec]] = {}
    for one in contents.seen:
        role = role_of(one.spec.name), len(one.spec.shape)
        roles.setdefault(role, []).append(one.spec)
    return roles


def _departure(role: str, usual: str, count: int, odd: Sequence[TensorSpec]) -> str:
    codes = sorted({spec.dtype.code for spec in odd})
    others = f"{count:,} others as {visible(role, 120)} are {usual}"
    if len(odd) == 1:
        return f"{codes[0]}, where {others}"
    named = some([visible(spec.name, 120) for spec in odd])
    return f"{' or '.join(codes)} in {plural(len(odd), 'tensor')}, where {others}: {named}"
