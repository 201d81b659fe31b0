"""Checks that need no theory: values that no healthy tensor holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from initcli.checks.finding import Severity
from initcli.checks.observation import Observation
from initcli.checks.registry import check
from initcli.core.text import plural
from initcli.recipes.layers import is_looked_up

if TYPE_CHECKING:
    from initcli.core.tensor import TensorSpec
    from initcli.theory.outlying import LineVerdict

_WEIGHTS = ("weight", "kernel")


# As PEFT and its like call it.
_ZERO_BY_RIGHT = frozenset({"lora_B", "lora_embedding_B", "lora_up"})


@check(
    "IC101",
    Severity.ERROR,
    of=Observation,
    looks_at="every value",
    advice="find the step that overflowed; do not ship the file",
)
def holds_nan(seen: Observation) -> str | None:
    """A value is NaN.

    One spreads through every layer behind it and stays in every average.
    """
    if seen.summary is None or not seen.summary.nan:
        return None
    return f"{seen.summary.nan:,} of {plural(seen.summary.count, 'value')} NaN"


@check(
    "IC102",
    Severity.ERROR,
    of=Observation,
    looks_at="every value",
    advice="find the step that overflowed; do not ship the file",
)
def holds_infinity(seen: Observation) -> str | None:
    """A value is infinite.

    It is a value that overflowed its dtype; the first product with a zero makes it NaN.
    """
    if seen.summary is None or not seen.summary.infinite:
        return None
    return f"{seen.summary.infinite:,} of {plural(seen.summary.count, 'value')} infinite"


@check(
    "IC103",
    Severity.ERROR,
    of=Observation,
    looks_at="float matrices and kernels",
    advice="see whether the layer was loaded under its name",
)
def is_all_zero(seen: Observation) -> str | None:
    """A matrix holds nothing but zeros, and no scheme says it should.

    Nothing passes through, and often no gradient: mostly a layer that was never loaded. A weight
    of one row or column counts as a matrix here, and the second factor of an adapter (LoRA) does
    not: it is zero until it was trained.
    """
    if _ZERO_BY_RIGHT & set(seen.tensor.split(".")):
        return None
    if not (seen.spec.is_matrix or _is_line_of_weights(seen.spec)):
        return None
    if not _is_unexpected_constant(seen) or seen.summary is None or seen.summary.minimum:
        return None
    return f"all {plural(seen.summary.count, 'value')} are zero"


@check(
    "IC104",
    Severity.WARNING,
    of=Observation,
    looks_at="float matrices and kernels",
    advice="see whether the layer was loaded, or is no weight",
)
def is_constant(seen: Observation) -> str | None:
    """A matrix holds one value only, not zero, and no scheme says it should.

    All its units compute the same and learn the same: nothing told them apart.
    """
    # A single row of equal weights is a fresh gain or an average as often as a layer.
    if not (seen.spec.is_matrix and _is_unexpected_constant(seen)):
        return None
    if seen.summary is None or not seen.summary.minimum:
        return None
    return f"all {plural(seen.summary.count, 'value')} are {float(seen.summary.minimum):.6g}"


@check(
    "IC105",
    Severity.WARNING,
    of=Observation,
    looks_at="float matrices and kernels, with --hash",
    needs="hashes",
    advice="with --hash: declare the tie, or load the layer again",
    evidence="hash",
)
def is_duplicate(seen: Observation) -> str | None:
    """A matrix holds the same bytes as another one, and is no declared tie of it.

    Two layers that share their bytes were mostly loaded from one by mistake.
    """
    is_layer = seen.spec.is_matrix and seen.spec.dtype.is_float
    if seen.duplicate_of is None or seen.is_tied or not is_layer:
        return None
    return f"the same bytes as {seen.duplicate_of}"


@check(
    "IC106",
    Severity.WARNING,
    of=Observation,
    looks_at="float matrices and kernels, with --rows",
    needs="rows",
    advice="with --rows: see whether the units died or were pruned",
    evidence="zero_rows",
)
def has_dead_lines(seen: Observation) -> str | None:
    """Some rows or columns of a matrix hold nothing but zeros.

    A unit without weights computes nothing; statistics of the whole tensor do not show it. One
    row of an embedding may be zero: what pads a sequence stands for nothing.
    """
    if not (seen.spec.is_matrix and seen.spec.dtype.is_float):
        return None  # the first of many positions or zero points is a zero by right
    told = [
        _dead(verdict, noun)
        for verdict, noun in ((seen.rows, "row"), (seen.columns, "column"))
        if verdict is not None and _by_right(seen, noun) < verdict.zero < verdict.count
    ]
    return "; ".join(told) or None


def _by_right(seen: Observation, noun: str) -> int:
    return int(noun == "row" and is_looked_up(seen.tensor))


def _dead(verdict: LineVerdict, noun: str) -> str:
    named = ", ".join(map(str, verdict.dead))
    more = ", …" if len(verdict.dead) < verdict.zero else ""
    return f"{verdict.zero:,} of {plural(verdict.count, noun)} all zero: {named}{more}"


# Vectors are left out: fresh biases and norms, masks and scales are constant by right.
def _is_unexpected_constant(seen: Observation) -> bool:
    if seen.summary is None or not seen.spec.dtype.is_float:
        return False
    return seen.summary.is_constant and not seen.is_as_expected


def _is_line_of_weights(spec: TensorSpec) -> bool:
    """Whether it is the 1×N or N×1 weight of a layer, as far as its name and shape tell.

    Class tokens and the shifts of norms over images have such shapes too, under other names.
    """
    last = spec.name.rpartition(".")[2].lower()
    is_weight = last.startswith(_WEIGHTS) or last.endswith(_WEIGHTS)
    return len(spec.shape) > 1 and spec.parameters > 1 and is_weight
