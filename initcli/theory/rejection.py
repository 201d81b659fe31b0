"""Which departures from a law are findings: those that neither chance nor practice explains.

The band of sampling narrows with the number of values: of 10⁹ of them it rejects a variance that is
2·10⁻⁴ off, which no training run notices. So what is found must lie beyond the band, with one
family-wise error over all tests, and beyond a tolerance besides. That only takes rejections back,
so the error stays at most what it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from initcli.theory.judge import Judgment

TOLERANCE = 1e-3


def departures(
    judgments: Sequence[Judgment], alpha: float, tolerance: float = TOLERANCE
) -> list[tuple[bool, bool]]:
    """Returns of each judgment whether its mean, and whether its variance, is off.

    Args:
        judgments: Of all tensors that are held against laws in one run.
        alpha: The chance that anything is found off though every law holds, at most.
        tolerance: How far the mean may be off, as a share of the law's standard deviation, and
            the second moment about the law's mean, as a share of its variance.
    """
    scores = [score for each in judgments for score in (each.mean, each.variance)]
    rejected = holm([score.p for score in scores], alpha)
    found = [
        is_rejected and score.size > tolerance
        for score, is_rejected in zip(scores, rejected, strict=True)
    ]
    return list(zip(found[::2], found[1::2], strict=True))


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Returns which hypotheses are rejected at a family-wise error of at most alpha.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979); valid whatever the dependence between the tests.
    """
    rejected = [False] * len(p_values)
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, position in enumerate(ranked):
        if p_values[position] > alpha / (len(p_values) - rank):
            break
        rejected[position] = True
    return rejected
