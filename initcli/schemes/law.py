"""The distribution a scheme implies: its moments, support and what of it is not random.

Sources: Kendall & Stuart, The Advanced Theory of Statistics I (moments); Johnson, Kotz &
Balakrishnan, Continuous Univariate Distributions I, 13.10 (truncated normal).

NumPy and SciPy are imported where a law is computed with: 0.1 s and 0.3 s that the table of
schemes and the help do without.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from initcli.schemes import gaussian
from initcli.schemes.structure import Isometry, Structure, ZeroRun, ZerosPerColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Fixed(enum.Enum):
    """What every draw has in common, so that only rounding can move it."""

    NOTHING = "nothing"
    ENERGY = "energy"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Law:
    """The distribution of one value of a drawn tensor.

    Attributes:
        family: Its name, such as `normal`.
        mean: E x.
        variance: E (x − mean)².
        kurtosis: E (x − mean)⁴ / variance²; NaN where the variance is 0.
        sixth: E (x − mean)⁶ / variance³; likewise.
        support: The least and greatest value that can be drawn.
        fixed: What is the same in every draw.
        random_share: Share of the values that are random; the rest are zeros whose number
            is fixed.
        skewness: E (x − mean)³ / variance^(3/2).
        cdf: P(value ≤ x), where values are spread continuously.
        atoms: The values that can occur and their probabilities, 2×k, where they are few.
        structure: What random values owe to their place; None where they owe nothing.
        slack: How far apart libraries may be in a value that is fixed, beyond rounding.
    """

    family: str
    mean: float
    variance: float
    kurtosis: float
    sixth: float
    support: tuple[float, float]
    fixed: Fixed = Fixed.NOTHING
    random_share: float = 1.0
    skewness: float = 0.0
    cdf: Callable[[Array], Array] | None = field(default=None, compare=False, repr=False)
    atoms: Array | None = field(default=None, compare=False, repr=False)
    structure: Structure | None = None
    slack: float = 0.0

    @property
    def std(self) -> float:
        """The square root of the variance."""
        return math.sqrt(self.variance)


def constant(value: float) -> Law:
    """Returns the law of a tensor that holds one value."""
    return Law("constant", value, 0.0, math.nan, math.nan, (value, value), Fixed.EVERYTHING)


def ones_among_zeros(share: float) -> Law:
    """Returns the law of a fixed pattern of ones.

    Args:
        share: Ones per value.
    """
    return pattern("ones among zeros", (0.0, 1.0), (1 - share, share))


def pattern(
    family: str, values: Sequence[float] | Array, shares: Sequence[float] | Array | None = None
) -> Law:
    """Returns the law of values that are the same in every draw, each in its place.

    Args:
        family: The pattern's name.
        values: Those that occur.
        shares: How often each does, adding up to one; by default alike.
    """
    import numpy as np

    atoms = np.asarray(values, np.float64)
    weights = np.full(atoms.size, 1 / atoms.size) if shares is None else np.asarray(shares)
    atoms, weights = atoms[weights > 0], weights[weights > 0]
    low, high = float(atoms.min()), float(atoms.max())
    if low == high:
        return constant(low)
    mean = float(weights @ atoms)
    second, third, fourth, sixth = (
        float(weights @ (atoms - mean) ** order) for order in (2, 3, 4, 6)
    )
    return Law(
        family,
        mean,
        second,
        fourth / second**2,
        sixth / second**3,
        (low, high),
        Fixed.EVERYTHING,
        skewness=third / second**1.5,
        atoms=np.stack([atoms, weights]),
    )


def uniform(low: float, high: float) -> Law:
    """Returns U[low, high)."""
    width = high - low
    if not (width**2):
        return constant(low)

    def cdf(x: Array) -> Array:
        import numpy as np

        return np.clip((x - low) / width, 0.0, 1.0)

    return Law("uniform", low + width / 2, width**2 / 12, 1.8, 27 / 7, (low, high), cdf=cdf)


def normal(mean: float, std: float) -> Law:
    """Returns N(mean, std²)."""
    if not (std**2):
        return constant(mean)

    def cdf(x: Array) -> Array:
        return gaussian.cdf((x - mean) / std)

    return Law("normal", mean, std**2, 3.0, 15.0, (-math.inf, math.inf), cdf=cdf)


def truncated_normal(mean: float, std: float, low: float, high: float) -> Law:
    """Returns N(mean, std²) given that low ≤ x ≤ high; the bounds are absolute."""
    if (low - mean) / std < -gaussian.REACH and (high - mean) / std > gaussian.REACH:
        return replace(normal(mean, std), support=(low, high))
    node, density = gaussian.truncated((low - mean) / std, (high - mean) / std)
    # What is symmetric has its mean in the middle, to the last digit.
    centre = float(density @ node) if low + high != 2 * mean else 0.0
    second, third, fourth, sixth = (
        float(density @ (node - centre) ** order) for order in (2, 3, 4, 6)
    )

    # Mirrored above the mean, where a normal cdf near 1 would leave no digits to subtract.
    side = -1.0 if low + high > 2 * mean else 1.0

    def cdf(x: Array) -> Array:
        import numpy as np

        below, above = gaussian.cdf(side * (np.array([low, high]) - mean) / std)
        reached = gaussian.cdf(side * (np.clip(x, low, high) - mean) / std)
        return np.asarray((reached - below) / (above - below))

    return Law(
        "truncated normal",
        mean + std * centre,
        std**2 * second,
        fourth / second**2,
        sixth / second**3,
        (low, high),
        skewness=third / second**1.5,
        cdf=cdf,
    )


def with_zeros(law: Law, share: float, places: ZerosPerColumn | ZeroRun) -> Law:
    """Returns the law of values of which a fixed share is set to zero; the mean must be 0."""
    kept = 1 - share
    if not kept:
        return constant(0.0)
    dense = law.cdf

    def cdf(x: Array) -> Array:
        import numpy as np

        atom = share * (x >= 0)
        return np.asarray(atom + (kept * dense(x) if dense else 0.0))

    return replace(
        law,
        family=f"{law.family} with zeros" if share else law.family,
        variance=law.variance * kept,
        kurtosis=law.kurtosis / kept,
        sixth=law.sixth / kept**2,
        random_share=kept,
        cdf=cdf,
        structure=places,
    )


def orthogonal(gain: float, length: int, sides: tuple[int, int] | None = None) -> Law:
    """Returns the law of an entry of a random orthogonal matrix; its energy is not random.

    An entry of a Haar matrix is one coordinate of a point on the sphere: its square follows
    Beta(1/2, (N − 1)/2).

    Args:
        gain: What the matrix is multiplied by.
        length: N, the longer side.
        sides: Of each, where the tensor holds several such matrices one behind the other.
    """
    edge, variance = abs(gain), gain**2 / length
    if not variance:
        return constant(0.0)
    kurtosis = 3 * length / (length + 2)
    sixth = 15 * length**2 / ((length + 2) * (length + 4))

    def cdf(x: Array) -> Array:
        import numpy as np
        from scipy.special import betainc

        square = np.clip((x / edge) ** 2, 0.0, 1.0)
        tail = betainc(0.5, (length - 1) / 2, square) if length > 1 else square >= 1
        return np.asarray((1 + np.sign(x) * tail) / 2)

    support = (-edge, edge)
    structure = Isometry(edge, sides)
    return Law(
        "orthogonal",
        0.0,
        variance,
        kurtosis,
        sixth,
        support,
        Fixed.ENERGY,
        cdf=cdf,
        structure=structure,
    )
