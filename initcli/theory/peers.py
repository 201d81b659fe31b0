"""Whose scale is out of all proportion to that of its peers.

Logarithms of scales are compared, as a scale is off by a factor. Median and median absolute
deviation stand for centre and spread: nearly half of the peers may be faulty before either says so
(Hampel, Journal of the American Statistical Association 69, 1974). Peers that are nearly equal
have no spread to speak of, so a factor must be exceeded besides; where they differ by much, as
scales that grow with depth do, the spread decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

FEWEST = 5
FACTOR = 8.0
_DEVIATIONS = 6.0
# The median absolute deviation of a standard normal variable is 1/1.4826.
_MAD_TO_STD = 1.4826


def out_of_proportion(scales: Sequence[float]) -> list[float | None]:
    """Returns by which factor each scale is off the median of all; None where that is no matter.

    Args:
        scales: Positive, of tensors that should be alike. Fewer than five are not judged.

    Returns:
        A factor more than `FACTOR`, or less than its inverse, that is further than six robust
        standard deviations from the median in logarithms.
    """
    if len(scales) < FEWEST:
        return [None] * len(scales)
    from statistics import median  # it brings decimals and fractions

    logarithms = [math.log(scale) for scale in scales]
    centre = median(logarithms)
    off = [each - centre for each in logarithms]
    spread = _MAD_TO_STD * median(map(abs, off))
    allowed = max(math.log(FACTOR), _DEVIATIONS * spread)
    return [math.exp(each) if abs(each) > allowed else None for each in off]
