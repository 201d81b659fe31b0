"""Checks of where values lie in the range of their dtype: at its end, or below its least."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from initcli.checks.finding import Severity
from initcli.checks.observation import Observation
from initcli.checks.registry import check
from initcli.core.text import plural

if TYPE_CHECKING:
    from initcli.core.tensor import TensorSpec
    from initcli.statistics.summary import Summary

_BYTE = 8
# Quantisers scale the largest value of a row or block to the end of the range. With the blocks of
# 16, 32 and 128 values in use, 0.5 to 2 % of normal weights are stored there in 8 bits and 5 to
# 11 % in 4; of uniform ones at most 19 % and 38 %, where scales are powers of two.
_SATURATED = {4: 0.5, 8: 0.25}
# A normal law of three times the least normal number has this share below it.
_SUBNORMAL = 0.25
_FEWEST = 10
# The largest of many values of such a law.
_NEAR = 16.0


@check(
    "IC107",
    Severity.WARNING,
    of=Observation,
    looks_at="every value of floats; in 8 and 4 bits their share",
    advice="find the step that clipped; scale before casting",
)
def is_saturated(seen: Observation) -> str | None:
    """Values lie at the end of their dtype's range, and no scheme says they should.

    They were larger, and what they were is lost. Quantisers of 8 and 4 bits put one value of
    each row or block there on purpose: only more than a quarter, or half, is found of those.
    """
    summary, dtype = seen.summary, seen.spec.dtype
    if summary is None or not dtype.is_float or seen.is_as_expected or _is_mask(seen.spec):
        return None
    count = summary.at_largest
    number = _at_ends(summary, dtype.largest) if count is None else count
    if number <= _saturated_by_right(seen.spec) * summary.count:
        return None
    every = plural(summary.count, "value")
    told = f"some of {every}" if count is None else f"{number:,} of {every}"
    return f"{told} at ±{dtype.largest:.6g}, the largest of {dtype.code}"


def _at_ends(summary: Summary, largest: float) -> int:
    return sum(extreme in {largest, -largest} for extreme in (summary.minimum, summary.maximum))


def _is_mask(spec: TensorSpec) -> bool:
    return "mask" in spec.name.rpartition(".")[2].lower()


def _saturated_by_right(spec: TensorSpec) -> float:
    """Returns the share of values that a quantiser may put at the end, one of each row at least."""
    if spec.dtype.bits > _BYTE:
        return 0.0
    row = math.prod(spec.shape[1:]) if len(spec.shape) > 1 else spec.parameters
    return _SATURATED[spec.dtype.bits] + 1 / max(1, row)


@check(
    "IC108",
    Severity.WARNING,
    of=Observation,
    looks_at="float matrices and kernels of 8 bits and more",
    advice="scale before casting, or keep a wider dtype",
)
def underflows(seen: Observation) -> str | None:
    """A matrix lies among the subnormal numbers of its dtype, and no scheme says it should.

    Subnormal numbers lose digits, smaller ones all of them, and some devices take either for
    zero. Zeros count with them where the largest value is near them too; elsewhere zeros were
    pruned, and only what is left is looked at. Memory that nothing was written to looks like
    this as well.
    """
    summary, dtype = seen.summary, seen.spec.dtype
    # In 4 bits one of the eight sizes is subnormal, and as good as any.
    if summary is None or not (seen.spec.is_matrix and dtype.is_float) or dtype.bits < _BYTE:
        return None
    if seen.is_as_expected or not _is_tiny(summary, dtype.smallest_normal):
        return None
    lost = f"{summary.subnormal:,} of {plural(summary.count, 'value')} subnormal"
    return (
        f"{lost}, {summary.zeros:,} zero; {dtype.code} is normal from {dtype.smallest_normal:.3g}"
    )


def _is_tiny(summary: Summary, smallest_normal: float) -> bool:
    left = summary.finite - summary.zeros
    if not left or summary.minimum is None or summary.maximum is None:
        return False
    is_near = max(-summary.minimum, summary.maximum) <= _NEAR * smallest_normal
    lost = summary.subnormal + summary.zeros * is_near
    among = summary.finite if is_near else left
    return lost > _SUBNORMAL * among and (lost >= _FEWEST or summary.subnormal == left)
