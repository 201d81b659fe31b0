"""Families of laws with their scale fitted: what is left to say where no known scheme fits."""

from __future__ import annotations

import math
from collections.abc import Iterator

from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.theory.identify.marginal import Values, kolmogorov_p, log_likelihood

# A mean within so many of its standard errors is taken to be none.
_CENTRED = 5.0
_BOUNDS = (2.0, 3.0)


def fitted_family(values: Values, level: float) -> Law | None:
    """Returns the likeliest of the fitted laws that values do not speak against; None of none.

    Scales come from the values themselves, which brings every law nearer to them than the truth
    is: what is refused here at a level is refused less often than that if the family is right.

    Args:
        values: Of a tensor; not all equal.
        level: What Kolmogorov's p-value must reach.
    """
    fitting = [law for law in _fitted(values) if kolmogorov_p(values.cells, law) >= level]
    likely = [(log_likelihood(values.cells, law), law) for law in fitting]
    best = max(likely, key=lambda each: each[0], default=(-math.inf, None))
    return best[1] if best[0] > -math.inf else None


def _fitted(values: Values) -> Iterator[Law]:
    summary = values.summary
    mean, std = float(summary.mean.real), summary.std
    centred = abs(mean) * math.sqrt(summary.finite) < _CENTRED * std
    centre = 0.0 if centred else mean
    yield laws.normal(centre, std)
    for reach in _BOUNDS:
        scale = std / laws.truncated_normal(0.0, 1.0, -reach, reach).std
        yield laws.truncated_normal(centre, scale, centre - reach * scale, centre + reach * scale)
    yield _uniform(values, centred=centred)


def _uniform(values: Values, *, centred: bool) -> Law:
    """Returns the uniform law whose bounds are those of the values, and a little more."""
    low, high = float(values.summary.minimum or 0), float(values.summary.maximum or 0)
    if centred:
        low, high = -max(high, -low), max(high, -low)
    beyond = (high - low) / values.summary.finite
    return laws.uniform(low - beyond, high + beyond)
