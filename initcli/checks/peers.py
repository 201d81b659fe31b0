"""Checks of tensors against others that play the same part in other layers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from initcli.checks.contents import Contents
from initcli.checks.finding import Severity
from initcli.checks.registry import check
from initcli.core.text import role_of, visible
from initcli.theory.peers import out_of_proportion

if TYPE_CHECKING:
    from initcli.checks.observation import Observation

_QUANTISED_BITS = 8
_LONGEST_PATTERN = 120


@check(
    "IC110",
    Severity.WARNING,
    of=Contents,
    looks_at="float matrices and kernels of five layers or more",
    evidence="has_peers",
    advice="see whether the layer was rescaled, diverged or decayed",
)
def scale_is_off_peers(contents: Contents) -> Iterator[tuple[str, str]]:
    """A matrix is eight times larger or smaller than its peers in other layers, or more.

    Signals explode or vanish there. Peers have the same name but for numbers; where an expected
    scheme says how large a matrix is, that is held against it instead. Vectors are left out:
    gains of norms and biases differ a hundredfold between the layers of sound models.
    """
    for pattern, peers in _peers(contents).items():
        factors = out_of_proportion([_scale(each) for each in peers])
        for each, factor in zip(peers, factors, strict=True):
            if factor is not None and each.judgment is None:
                yield each.tensor, _told(each, factor, pattern[0], len(peers))


def _told(seen: Observation, factor: float, pattern: str, count: int) -> str:
    times = f"{factor:.3g}× the median of {count:,} like {visible(pattern, _LONGEST_PATTERN)}"
    size = math.sqrt(_energy(seen))
    return f"root mean square {size:.4g}, {times}"


def _peers(contents: Contents) -> dict[tuple[str, str, int], list[Observation]]:
    """Returns matrices that hold anything but zeros, by pattern, class of dtype and rank."""
    groups: dict[tuple[str, str, int], list[Observation]] = {}
    for each in contents.seen:
        dtype = each.spec.dtype
        if each.spec.is_matrix and dtype.is_float and 0 < _energy(each) < math.inf:
            # Quantised numbers are held at a scale of their own.
            kind = dtype.code if dtype.bits <= _QUANTISED_BITS else ""
            groups.setdefault((role_of(each.tensor), kind, len(each.spec.shape)), []).append(each)
    return groups


def _energy(seen: Observation) -> float:
    """Returns the mean square of the finite values; 0 without one."""
    if seen.summary is None or not seen.summary.finite:
        return 0.0
    size = abs(seen.summary.mean)
    return seen.summary.variance + size * size  # a power would raise where a product is infinite


def _scale(seen: Observation) -> float:
    """Returns the root mean square as it is felt behind the layer, whatever the inputs' number."""
    return math.sqrt(_energy(seen) * math.prod(seen.spec.shape[1:]))
