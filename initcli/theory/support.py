"""Where drawn values can lie at all, once they are stored."""

from __future__ import annotations

from initcli.core.dtypes import DType
from initcli.schemes.law import Fixed, Law
from initcli.statistics.summary import Summary

# Draws are scaled and shifted in float32, which may end a few roundings beyond a bound.
_ROUNDINGS = 4 * 2.0**-24
# Orthogonalisation in float32 is off by a few 1e-6.
_ORTHOGONALISED = 1e-5


def stored_support(law: Law, dtype: DType) -> tuple[float, float]:
    """Returns the least and the greatest value that a draw can be stored as.

    Rounding keeps the order of values, so the ends of the support bound what is stored.

    Args:
        law: The law as drawn, before rounding.
        dtype: A real floating-point dtype.
    """
    import numpy as np

    from initcli.theory.rounding import rounded

    low, high = _drawn_support(law)
    error = _ORTHOGONALISED if law.fixed is Fixed.ENERGY else _ROUNDINGS
    slack = error * max((abs(end) for end in (low, high) if np.isfinite(end)), default=0.0)
    # At zero there is nothing to round: what is scaled keeps its sign.
    ends = np.array([low - slack if low else 0.0, high + slack if high else 0.0])
    least, greatest = rounded(ends, dtype)
    return float(least), float(greatest)


def _drawn_support(law: Law) -> tuple[float, float]:
    low, high = law.support
    return (low, high) if law.random_share == 1 else (min(low, 0.0), max(high, 0.0))


def beyond_support(law: Law, dtype: DType, summary: Summary) -> str:
    """Returns which extreme lies outside a law's support, and by which bound; empty if none does.

    What a law fixes altogether is compared value by value elsewhere.
    """
    if law.fixed is Fixed.EVERYTHING or summary.minimum is None or summary.maximum is None:
        return ""
    least, greatest = stored_support(law, dtype)
    low, high = _drawn_support(law)
    told = []
    if summary.minimum < least:
        told.append(f"minimum {summary.minimum:.6g}, {low:.6g} or more expected")
    if summary.maximum > greatest:
        told.append(f"maximum {summary.maximum:.6g}, {high:.6g} or less expected")
    return "; ".join(told)
