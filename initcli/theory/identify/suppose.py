"""Which structures a tensor may have, told from its moments and zeros."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping

from initcli.core.dtypes import DType
from initcli.core.errors import OptionError
from initcli.schemes.law import Fixed
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw
from initcli.schemes.spec import SchemeSpec, parse_scheme
from initcli.statistics.summary import Summary
from initcli.theory.judge import judge

# What is the same in every draw, value by value, and what an extreme or a zero says of it first:
# to work a pattern out takes long, and hardly any tensor is one.
PATTERNS: Mapping[str, Callable[[Summary], bool]] = {
    "eye": lambda summary: summary.zeros > 0,
    "dirac": lambda summary: summary.zeros > 0,
    "dirac(groups=2)": lambda summary: summary.zeros > 0,
    "dirac(groups=4)": lambda summary: summary.zeros > 0,
    "zero_hadamard": lambda summary: summary.zeros > 0 or _is_signed(summary),
    "idinit": lambda summary: summary.zeros > 0,
    "mamba_a_log": lambda summary: summary.minimum == 0 and summary.zeros > 0,
    "sinusoid": lambda summary: summary.maximum == 1 and summary.zeros > 0,
    "lstm_bias": lambda summary: summary.zeros > 0,
}
_CENTRAL = "delta_orthogonal"
_KERNEL = 3
# A share of zeros below this is a padding row rather than a sparse scheme's.
_SPARSE = 0.02
# Of the greatest square, what the mean square is if all are as great.
_ALL = 1 - 1e-6


def constant_scheme(summary: Summary) -> str:
    """Returns the scheme of a tensor that holds one value; empty of any other."""
    if not summary.is_constant:
        return ""
    value = float(summary.minimum or 0)
    # One value alone may have been drawn by anything.
    any_other = f"constant({value:.9g})" if summary.count > 1 else ""
    return {0.0: "zeros", 1.0: "ones"}.get(value, any_other)


def suppositions(
    layer: Layer, dtype: DType, summary: Summary, variables: Mapping[str, float]
) -> Iterator[tuple[str, Draw]]:
    """Yields the structures that a tensor's moments and zeros allow, each as scheme and draw.

    Args:
        layer: The tensor and its layer.
        dtype: A drawable dtype.
        summary: Of its values; all finite, not all equal.
        variables: What names in formulas stand for.
    """
    patterns = [text for text, may_be in PATTERNS.items() if may_be(summary)]
    for text in (*patterns, *_told_by_zeros(layer, summary)):
        draw = _drawn(_parsed(text), layer, variables)
        if draw is None:
            continue
        judgment = judge(draw.law, dtype, summary)
        if draw.law.fixed is not Fixed.EVERYTHING or min(judgment.mean.p, judgment.variance.p) > 0:
            yield text, draw


def _is_sparse(summary: Summary, columns: int) -> bool:
    """Whether zeros may be as many in each column, and the rest drawn about zero."""
    low, high = float(summary.minimum or 0), float(summary.maximum or 0)
    # In 16 bits the extremes of values of all sizes may well be of one.
    square = (1 - summary.zeros / summary.count) * high * high
    is_of_one_size = low == -high and summary.root_mean_square**2 >= _ALL * square
    return summary.zeros >= columns and low < 0 < high and not is_of_one_size


def _is_signed(summary: Summary) -> bool:
    """Whether all values may be of one size."""
    return summary.minimum is not None and summary.minimum == -(summary.maximum or 0)


def _told_by_zeros(layer: Layer, summary: Summary) -> Iterator[str]:
    """Yields schemes whose zeros are counted: those of each column, or beside the central tap."""
    count, rows = summary.count, layer.shape[0] if layer.shape else 0
    if not summary.zeros or len(layer.shape) < 2:  # noqa: PLR2004 - a matrix
        return
    share = summary.zeros / count
    if len(layer.shape) == 2 and share >= _SPARSE and _is_sparse(summary, layer.shape[1]):  # noqa: PLR2004
        std = (summary.variance / (1 - share)) ** 0.5
        yield f"sparse({summary.zeros // layer.shape[1] / rows!r}, {std:.6g})"
    taps = count // (rows * layer.shape[1])
    if len(layer.shape) >= _KERNEL and taps > 1 and share >= 1 - 1 / taps:
        gain = summary.root_mean_square * (taps * max(layer.shape[:2])) ** 0.5
        yield f"{_CENTRAL}({gain:.6g})"


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> SchemeSpec:
    return parse_scheme(text)


def _drawn(spec: SchemeSpec, layer: Layer, variables: Mapping[str, float]) -> Draw | None:
    try:
        return spec.draw(layer, variables)
    except (UnfitError, OptionError):
        return None
