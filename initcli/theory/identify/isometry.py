"""Whether lines of a matrix are orthogonal and of one norm, told from some of them."""

from __future__ import annotations

import math

import numpy as np

from initcli.core.dtypes import DType
from initcli.core.text import plural
from initcli.schemes import law as laws
from initcli.theory.identify.block import Block, Extent, Sides
from initcli.theory.structure import isometry_tolerance

# So many lines leave chance no way: the cosines of two random ones differ from 0 by 1/√length.
_LINES = 64
# So many values are held at once, at least sixteen lines.
_MOST = 1 << 22
_LONGEST = 1 << 18


def lines_of(sides: Sides) -> Extent | None:
    """Returns whole lines along the longer side; None where that is too long to be looked at."""
    shorter, longer = sorted((sides.rows, sides.columns))
    if longer > _LONGEST:
        return None
    count = min(shorter, _LINES, _MOST // longer)
    return Extent(sides, *((count, longer) if sides.rows <= sides.columns else (longer, count)))


def isometry_text(gain: float, part: Extent) -> str:
    """Returns the scheme, and how many lines speak for it where not all were looked at."""
    scheme = "orthogonal" if gain == 1 else f"orthogonal({gain:.6g})"
    if part.is_whole:
        return scheme
    looked, lines = (min(each.rows, each.columns) for each in (part, part.sides))
    return f"{scheme}, by {looked:,} of {plural(lines, 'line')}"


def gain_of_isometry(block: Block, dtype: DType) -> float | None:
    """Returns the norm that all lines share, if they are orthogonal; None if they are not.

    It is 1 where rounding alone may keep it from being 1.

    Args:
        block: As `lines_of` takes it.
        dtype: What it is stored in, whose rounding is allowed for.
    """
    if not block.size:
        return None
    lines = block.values + block.mean
    wide = lines if lines.shape[0] <= lines.shape[1] else lines.T
    gram = wide @ wide.T
    square = float(np.trace(gram)) / len(gram)
    gain = block.scale * math.sqrt(square)
    if not square > 0:
        return None
    law = laws.orthogonal(gain, wide.shape[1])
    tolerance = isometry_tolerance(law, dtype, wide.shape)
    off = float(np.linalg.norm(gram / square - np.eye(len(gram)), 2))
    if off > tolerance or tolerance >= 1:
        return None
    return 1.0 if abs(gain**2 - 1) <= tolerance else gain
