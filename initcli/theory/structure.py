"""Holds what a scheme's values owe to their place against what was found: all, or some digits.

An isometry W with ‖row‖ = g is stored as Q = κW + N, where N is what rounding adds that does not
go with W: of variance ν²g²/n for rows of n values. So Q Qᵀ/g² − I has three parts, for m rows:

- κ² + ν² − 1 on the diagonal, what rounding does to the energy;
- κ(W Nᵀ + N Wᵀ)/g², twice the symmetric part of an m×m matrix of independent entries of standard
  deviation κν/√n, as W is an isometry: at most κν(2√(2m) + 2t)/√n;
- N Nᵀ/g² − ν² I, at most ν²((1 + (√m + t)/√n)² − 1);

but for one of exp(t²/2) draws each, by the concentration of Gaussian matrices (Vershynin,
High-Dimensional Probability, 2018, 7.3), which those of bounded errors obey as well: t = 6 makes
that 1.5e-8. A Gaussian matrix is off by 2√(m/n) and more, two equal rows by 1.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DType
from initcli.core.tensor import Shape, TensorSpec
from initcli.core.text import plural
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.schemes.structure import CentralIsometry, Isometry, Orthogonal, ZerosPerColumn
from initcli.statistics.strays import Strays
from initcli.theory.rounding import mass_at_zero, rounded

_DEVIATIONS = 6.0
_NODES = 1 << 16
_REACH = 8.0
_TABLE_BITS = 16
_LEAST_KEPT = 0.5
# Half the spacing of float32 numbers around 1. Householder's factors are off by some ten of it,
# whatever the side; ten times that is allowed.
_UNIT = 2.0**-24
# The chance that some column of a matrix holds more zeros by accident than are allowed.
_FALSE_ALARM = 1e-5
# torch's normals are functions of 24 random bits, of which one pattern gives zero.
_DRAWN_ZERO = 2.0**-24


@dataclass(frozen=True, slots=True)
class Distances:
    """How far the parts of a tensor are from isometries, ‖G − g² I‖₂ / g² each."""

    parts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Angles:
    """How far runs of rows or columns are from orthogonal.

    Attributes:
        runs: ‖G − I‖₂ of each, of its lines brought to norm 1.
        least: The smallest norm there is beside 0.
    """

    runs: tuple[float, ...]
    least: float


@dataclass(frozen=True, slots=True, eq=False)
class ZeroCounts:
    """How many zeros each column of a matrix holds."""

    columns: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Why a structure was not looked at."""

    reason: str


Measured = Strays | Distances | Angles | ZeroCounts | Unmeasured


@dataclass(frozen=True, slots=True)
class StructureVerdict:
    """What became of a structure.

    Attributes:
        off: What is missing and where; empty where nothing is.
        reason: Why it was not looked at; empty where it was.
    """

    off: str = ""
    reason: str = ""


def judge_structure(law: Law, spec: TensorSpec, found: Measured) -> StructureVerdict:
    """Holds what was found of a tensor's structure against its law."""
    if isinstance(found, Unmeasured):
        return StructureVerdict(reason=found.reason)
    if isinstance(found, Strays):
        return StructureVerdict(_told(found, spec.shape) if found.count else "")
    if isinstance(found, ZeroCounts) and isinstance(law.structure, ZerosPerColumn):
        return _judge_zeros(law, law.structure, spec, found.columns)
    if isinstance(found, Distances) and isinstance(law.structure, Isometry | CentralIsometry):
        return _judge_isometry(law, law.structure, spec, found)
    if isinstance(found, Angles) and isinstance(law.structure, Orthogonal):
        return _judge_angles(law.structure, spec, found)
    raise TypeError("what was measured is not what the law has")


def _told(strays: Strays, shape: Shape) -> str:
    place = ", ".join(str(index) for index in np.unravel_index(strays.first or 0, shape))
    count = f"{strays.count:,} of {plural(math.prod(shape), 'value')}"
    are = "is" if strays.count == 1 else "are"
    values = f"{strays.value:.9g}, {strays.expected:.9g} expected"
    return f"{count} {are} not the pattern's; first at [{place}]: {values}"


def central_tap(shape: Shape) -> int:
    """Returns the number of the tap (k − 1) // 2 of every dimension of a kernel."""
    field = shape[2:]
    return int(np.ravel_multi_index([(side - 1) // 2 for side in field], field)) if field else 0


def sides_of(isometry: Isometry | CentralIsometry, shape: Shape) -> tuple[int, int]:
    """Returns rows and columns of each matrix that is an isometry."""
    if isinstance(isometry, CentralIsometry):
        return shape[0], shape[1]
    return isometry.sides or (shape[0], math.prod(shape[1:]))


def _judge_isometry(
    law: Law, isometry: Isometry | CentralIsometry, spec: TensorSpec, found: Distances
) -> StructureVerdict:
    rows, columns = sides_of(isometry, spec.shape)
    tolerance = isometry_tolerance(law, spec.dtype, (rows, columns))
    if tolerance >= 1:  # which two equal rows do not exceed
        return _taken(spec)
    worst = max(found.parts)
    if worst <= tolerance:
        return StructureVerdict()
    square = isometry.gain**2
    part = f"part {found.parts.index(worst) + 1} of {len(found.parts)}: "
    product = "W·Wᵀ" if rows <= columns else "Wᵀ·W"
    return StructureVerdict(
        f"{part if len(found.parts) > 1 else ''}{product} is off {square:.4g}·I by "
        f"{worst * square:.3g} (tolerance {tolerance * square:.1g})"
    )


def _judge_angles(structure: Orthogonal, spec: TensorSpec, found: Angles) -> StructureVerdict:
    """Allows every line what rounding does to the shortest, of which it may take most."""
    length = spec.shape[1 - structure.axis]
    shortest = laws.orthogonal(found.least, length)
    first = 0
    for run, off in zip(structure.runs, found.runs, strict=True):
        tolerance = isometry_tolerance(shortest, spec.dtype, (run, length))
        if tolerance >= 1:
            return _taken(spec)
        if off > tolerance:
            lines = f"{'rows' if structure.axis == 0 else 'columns'} {first} to {first + run - 1}"
            bound = f"off I by {off:.3g} (tolerance {tolerance:.1g})"
            return StructureVerdict(f"{lines} are not orthogonal: their cosines are {bound}")
        first += run
    return StructureVerdict()


def _taken(spec: TensorSpec) -> StructureVerdict:
    reason = f"rounding to {spec.dtype.code} may take all of it at this scale"
    return StructureVerdict(reason=reason)


def isometry_tolerance(law: Law, dtype: DType, sides: tuple[int, int]) -> float:
    """Returns how far a stored isometry may be from one, as ‖G − g² I‖₂ / g².

    Args:
        law: The law as drawn.
        dtype: What values are stored in.
        sides: Rows and columns.

    Returns:
        Infinity where what rounding adds is no noise: a few values that saturate, or that alone
        do not underflow, decide how far off the matrix is.
    """
    m, n = math.sqrt(min(sides)), math.sqrt(max(sides))
    arithmetic = _UNIT * (128 + 4 * m)
    if dtype.bits > _TABLE_BITS:
        return arithmetic
    kept, noise = _kept_and_noise(law, dtype)
    if kept < _LEAST_KEPT or (dtype.saturates and law.support[1] > dtype.largest):
        return math.inf
    bias = abs(kept**2 + noise**2 - 1)
    linear = kept * noise * (2 * math.sqrt(2) * m + 2 * _DEVIATIONS) / n
    return arithmetic + bias + linear + noise**2 * ((1 + (m + _DEVIATIONS) / n) ** 2 - 1)


@functools.lru_cache(maxsize=4096)
def _kept_and_noise(law: Law, dtype: DType) -> tuple[float, float]:
    """Returns κ and ν of values rounded to q: E qx / E x², and √(E (q − κx)² / E x²)."""
    if law.cdf is None:
        return 1.0, dtype.epsilon
    reach = min(law.support[1], _REACH * law.std)
    x = np.linspace(-reach, reach, _NODES + 1)
    half = reach / _NODES
    mass = np.diff(law.cdf(np.append(x - half, reach + half)))
    q = rounded(x, dtype)
    energy = mass @ x**2
    kept = mass @ (q * x) / energy
    return float(kept), math.sqrt(mass @ (q - kept * x) ** 2 / energy)


def _judge_zeros(
    law: Law, zeros: ZerosPerColumn, spec: TensorSpec, counts: NDArray[np.int64]
) -> StructureVerdict:
    most = zeros.count + _accidental_zeros(law, zeros, spec)
    off = np.flatnonzero((counts < zeros.count) | (counts > most))
    if not off.size:
        return StructureVerdict()
    wanted = f"{zeros.count:,}" + (f" to {most:,}" if most > zeros.count else "")
    first = f"column {off[0]} holds {plural(int(counts[off[0]]), 'zero')}, {wanted} expected"
    more = f"{off.size:,} of {plural(counts.size, 'column')} are off: " if off.size > 1 else ""
    return StructureVerdict(more + first)


def _accidental_zeros(law: Law, zeros: ZerosPerColumn, spec: TensorSpec) -> int:
    """Returns how many random values of one column may vanish, by the tail of the binomial law."""
    from scipy.special import bdtrc

    random, columns = spec.shape[0] - zeros.count, math.prod(spec.shape[1:])
    fixed = 1 - law.random_share
    share = (mass_at_zero(law, spec.dtype) - fixed) / law.random_share
    number = np.arange(random + 1.0)
    tails = bdtrc(number, random, min(1.0, max(share, _DRAWN_ZERO)))
    return int(np.argmax(~(tails > _FALSE_ALARM / columns)))
