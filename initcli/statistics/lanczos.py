"""The dominant eigenvalue of a symmetric operator that is known by its products alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Product = Callable[[Vector], Vector]

# An operator of about unit scale that shrinks random values this much is rounding noise, which
# need not be linear: ARPACK would fail on it.
_NOISE = 1e-13
# Ten products a restart. More vectors would need fewer, but also where twenty are enough.
_VECTORS = 20
_RESTARTS = 100
_SEED = 0


class NotConvergedError(Exception):
    """No tolerance was reached."""


def dominant(times: Product, side: int, tolerances: Iterable[float]) -> float:
    """Returns the eigenvalue of largest magnitude, by implicitly restarted Lanczos.

    The method is that of Lehoucq, Sorensen & Yang, "ARPACK Users' Guide" (SIAM 1998). The result
    λ has ‖Ax − λx‖ ≤ tolerance·|λ| for some unit vector x, which bounds its distance from an
    eigenvalue; unless others crowd around that one, it is of the order of the bound's square.

    Args:
        times: A's product with a vector of length `side`; its scale about 1.
        side: At least 2.
        tolerances: The one to reach, and those to be content with, one after the other, where a
            thousand products do not reach it.

    Returns:
        The eigenvalue, of the same products the same bits. Of an operator that is but rounding
        noise, the root of its eigenvalues' mean square.

    Raises:
        NotConvergedError: No tolerance was reached.
    """
    from scipy.sparse.linalg import ArpackError

    generator = np.random.default_rng(_SEED)
    random = generator.standard_normal(side)
    start = times(random)
    shrinkage = float(np.linalg.norm(start) / np.linalg.norm(random))
    if shrinkage < _NOISE:
        return shrinkage
    for tolerance in tolerances:
        with suppress(ArpackError):
            return _arpack(times, start, tolerance, generator)
    raise NotConvergedError("Lanczos iteration did not converge")


def _arpack(
    times: Product, start: Vector, tolerance: float, generator: np.random.Generator
) -> float:
    from scipy.sparse.linalg import LinearOperator, eigsh

    # Where the start spans few eigenvectors ARPACK draws others; before SciPy 1.17 from a state
    # of its own, which may change the last bits from call to call.
    seeded: dict[str, Any] = (
        {"rng": generator} if "rng" in inspect.signature(eigsh).parameters else {}
    )
    operator = LinearOperator((len(start), len(start)), matvec=times, dtype=np.float64)
    found = eigsh(
        operator,
        1,
        v0=start,
        ncv=min(len(start), _VECTORS),
        maxiter=_RESTARTS,
        tol=tolerance,
        return_eigenvectors=False,
        **seeded,
    )
    return float(found[0])
