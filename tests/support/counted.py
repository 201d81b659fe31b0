"""Values of dtypes that are counted one by one, and what exact arithmetic says of them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from initcli.core.dtypes import DTYPES, DType, Kind

COUNTED = [code for code, each in DTYPES.items() if each.is_decoded and each.bits <= 16]
SIXTEENTHS = [part / 16 for part in range(17)]

Values = NDArray[np.float64]


def multiplied(code: str, seed: int, most: int = 5) -> memoryview:
    """Returns each pattern of a dtype's bytes up to so many times, in no order."""
    rng = np.random.default_rng(seed)
    patterns = np.arange(1 << max(8, DTYPES[code].bits))
    drawn = np.repeat(patterns, rng.integers(0, most + 1, patterns.size))
    stored = f"<u{max(8, DTYPES[code].bits) // 8}"
    return memoryview(rng.permutation(drawn).astype(stored).tobytes())


def reference(raw: memoryview, dtype: DType) -> Values:
    """Returns what bytes hold, by the casts of NumPy and ml_dtypes and a loop over nibbles."""
    if dtype.kind is Kind.BOOL:
        return np.array([byte != 0 for byte in bytes(raw)], np.float64)
    stored: Any = np.frombuffer(raw, np.uint8)
    if dtype.code == "F4":
        halves = [half for byte in bytes(raw) for half in (byte % 16, byte // 16)]
        stored = np.array(halves, np.uint8).view(ml_dtypes.float4_e2m1fn)
        return stored.astype(np.float64)
    with np.errstate(invalid="ignore"):
        return stored.view(dtype.numpy).astype(np.float64)


def inverted_cdf(values: list[Any], probability: float) -> Any:  # noqa: ANN401 - float or int
    """Returns the value of rank ⌈p·n⌉, of p as it is written in decimals."""
    rank = -(-Fraction(str(probability)) * len(values) // 1)
    return sorted(values)[max(1, int(rank)) - 1]


def central_moments(values: Values) -> tuple[Fraction, list[Fraction]]:
    """Returns the mean and the central moments of orders two to four, exactly."""
    fractions = [Fraction(value) for value in values.tolist()]
    step = max(fraction.denominator for fraction in fractions)
    whole = [int(fraction * step) for fraction in fractions]
    count, total = len(whole), sum(whole)
    # n·x − Σx is an integer whose powers sum to n^(k+1) times the k-th central moment.
    sums = [0, 0, 0]
    for value in whole:
        off = count * value - total
        square = off * off
        sums[0] += square
        sums[1] += square * off
        sums[2] += square * square
    moments = [
        Fraction(power, count ** (order + 1) * step**order) for order, power in enumerate(sums, 2)
    ]
    return Fraction(total, count * step), moments
