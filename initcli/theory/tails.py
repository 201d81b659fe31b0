"""Two-sided tails: how likely a statistic is at least as far off. SciPy is imported when asked."""

from __future__ import annotations


def student_tails(t: float, degrees: float) -> float:
    """Returns that of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(degrees, -abs(t)))


def fisher_tails(ratio: float, degrees: float, others: float) -> float:
    """Returns twice the smaller tail of Fisher's F."""
    from scipy.special import fdtr, fdtrc

    tails = fdtr(degrees, others, ratio), fdtrc(degrees, others, ratio)
    return min(1.0, 2 * float(min(tails)))


def normal_tails(z: float) -> float:
    """Returns that of the standard normal law."""
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(z)))


def binomial_tails(count: int, total: int, share: float) -> float:
    """Returns twice the smaller tail of the binomial law."""
    from scipy.special import bdtr, bdtrc

    if not total:
        return 1.0
    above = bdtrc(count - 1, total, share) if count else 1.0
    return min(1.0, 2 * float(min(bdtr(count, total, share), above)))
