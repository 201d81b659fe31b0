"""What torch makes of a uniform law that it draws in 16 bits: nothing is rounded up to its end.

`torch.Tensor.uniform_` promises values below the upper bound. Drawn in float16 or bfloat16, what
would be rounded to the bound becomes the lower bound instead (aten/src/ATen/native/cpu/
DistributionTemplates.h): the lower one has twice its share, and the mean moves by −2⁻⁹ of the bound
in bfloat16, which a few hundred thousand values show.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.schemes.law import Law
from initcli.theory.rounding import rounded

_SHORT = frozenset({"F16", "BF16"})


def remapped(law: Law, dtype: DType) -> Law | None:
    """Returns the law of values drawn in the dtype itself; None where that makes no difference.

    Args:
        law: As float32 values are drawn.
        dtype: What they are stored in.
    """
    whole = law.cdf
    if law.family != "uniform" or dtype.code not in _SHORT or whole is None:
        return None
    low, high = (float(rounded(np.array(end), dtype)) for end in law.support)
    below = np.nextafter(np.array(high, dtype.numpy), np.array(low, dtype.numpy))
    moved = 1 - float(whole(np.array([(high + float(below)) / 2]))[0])

    def cdf(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.minimum(1.0, whole(x) + moved * (x >= low)))

    return replace(law, family=f"uniform drawn in {dtype.code}", cdf=cdf)
