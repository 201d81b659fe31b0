"""The singular values of an update Δ = B − A: its spectral norm, and its rank beside rounding.

A merged adapter W + BA has a Δ of rank r, on which rounding to the dtype lays a matrix of full
rank but small size. How small is known: uniform errors of a spacing s have variance s²/12, and a
matrix of independent entries of variances v has a spectral norm of about

    max_i √(Σ_j v_ij) + max_j √(Σ_i v_ij)

(Bandeira & van Handel, "Sharp nonasymptotic bounds on the norm of random matrices with independent
entries", Annals of Probability 44(4), 2016). The rank is the number of singular values half as much
again above that. Errors are not quite independent of an update that is hardly larger than they are:
they may add a second singular value to one of rank 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from initcli.core.dtypes import DType
from initcli.statistics.gram import NotFiniteError, ReadRows, Streamed, Values
from initcli.statistics.lanczos import NotConvergedError, dominant
from initcli.statistics.pair_ratio import spacing

# Above the asymptote; entries that are no more than nearly independent exceed it a little.
_ROOM = 1.5
# Beside an adapter's singular values are 0.1 to 1.0 of the energy expected of rounding; beside the
# largest of a dense update as small as rounding, 2.8 and more.
_LEFT = 1.4
# Of a rank beyond this share of the side an adapter would save nothing.
_MOST = 0.25
_TOLERANCES = (1e-6, 1e-4)


@dataclass(frozen=True, slots=True)
class Update:
    """What is known of Δ's singular values.

    Attributes:
        norm: The largest, in the unit of the values.
        rank: How many are above what rounding alone explains.
        is_low_rank: Whether Δ looks like a merged adapter: a few singular values, at most a
            quarter of all, and beside them no more energy than rounding leaves.
        reason: Why something is None; empty when nothing is.
    """

    norm: float | None = None
    rank: int | None = None
    is_low_rank: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noise:
    """What rounding lays on Δ: its spectral norm, and the energy that is expected of it."""

    norm: float
    energy: float

    def __add__(self, other: Self) -> Self:
        """Returns what two independent roundings lay on it."""
        return type(self)(math.hypot(self.norm, other.norm), self.energy + other.energy)


def update_of(read_rows: ReadRows, shape: tuple[int, int], noise: Noise) -> Update:
    """Measures an update that need not fit into memory; see `spectrum` for what it takes.

    Args:
        read_rows: Returns rows `first` to `first + count` of Δ as float64.
        shape: Its rows and columns, both at least 2.
        noise: What rounding lays on it.
    """
    try:
        matrix = Streamed.opened(read_rows, shape)
        if matrix.has_gram:
            return _judged(_squares(matrix), matrix.unit, noise)
        return Update(_norm(matrix), reason="its Gram matrix is too large for the rank")
    except (NotFiniteError, NotConvergedError) as error:
        return Update(reason=str(error))


def rounding_noise(read_rows: ReadRows, shape: tuple[int, int], dtype: DType) -> Noise:
    """Returns what rounding to a dtype laid on a matrix.

    Args:
        read_rows: Returns its rows, as they were rounded.
        shape: Its rows and columns.
        dtype: What they were rounded to.
    """
    by_column: Values = np.zeros(shape[1])
    most = 0.0
    for _, block in Streamed(read_rows, *shape, np.dtype(np.float64)).blocks():
        variances: Values = np.square(spacing(block, dtype)) / 12
        by_column += np.asarray(variances.sum(axis=0), np.float64)
        most = max(most, float(variances.sum(axis=1).max()))
    norm = math.sqrt(most) + math.sqrt(by_column.max())
    return Noise(_ROOM * norm, float(by_column.sum()))


def _squares(matrix: Streamed) -> Values:
    """Returns the squares of all singular values, ascending."""
    from scipy.linalg import eigvalsh

    found = eigvalsh(matrix.gram(), overwrite_a=True, check_finite=False, driver="evd")
    return np.asarray(np.maximum(found, 0.0), np.float64)


def _norm(matrix: Streamed) -> float:
    scale = matrix.energy() / matrix.side
    if not scale:
        return 0.0
    largest = dominant(lambda x: matrix.times(x) / scale, matrix.side, _TOLERANCES)
    return matrix.unit * math.sqrt(largest * scale)


def _judged(squares: Values, unit: float, noise: Noise) -> Update:
    side, largest = squares.size, float(squares[-1])
    # Eigenvalues of a Gram matrix in float64 are off by that much themselves.
    own = side * float(np.finfo(np.float64).eps) * largest
    floor = max((noise.norm / unit) ** 2, own)
    rank = int(np.count_nonzero(squares > floor))
    left = float(squares[: side - rank].sum())
    expected = _LEFT * noise.energy / unit / unit + side * own
    is_low = 0 < rank <= _MOST * side and left <= expected
    return Update(unit * math.sqrt(largest), rank, is_low)
