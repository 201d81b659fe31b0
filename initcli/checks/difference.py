"""Checks of a tensor in one checkpoint beside that in another."""

from __future__ import annotations

from dataclasses import dataclass

from initcli.checks.finding import Severity
from initcli.checks.registry import check
from initcli.core.text import plural

_REMEDY = "see what wrote B; --rtol, --atol and overrides say how much is allowed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A name in two checkpoints.

    Attributes:
        checkpoint: The path of the later one, B.
        tensor: The name.
        form_a: Dtype and shape in A; empty if it is not there.
        form_b: Dtype and shape in B, likewise.
        values: How many values were compared.
        beyond: How many are beyond the tolerance.
        incomparable: How many of those differ in being NaN or infinite.
        relative: ‖a − b‖ / ‖a‖ over the finite ones; None if it is not known.
        factor: c where B = c·A to within rounding, c ≠ 1; None if there is none.
        has_other_shape: Whether the shapes differ.
        has_other_dtype: Whether dtypes differ that must not.
        reason: Why values were not compared; empty if they were.
        has_other_bytes: Whether values that are not decoded are stored as other bytes.
    """

    checkpoint: str
    tensor: str
    form_a: str
    form_b: str
    values: int = 0
    beyond: int = 0
    incomparable: int = 0
    relative: float | None = None
    factor: float | None = None
    has_other_shape: bool = False
    has_other_dtype: bool = False
    reason: str = ""
    has_other_bytes: bool = False


@dataclass(frozen=True, slots=True)
class Departure:
    """A tensor along checkpoints in a row.

    Attributes:
        checkpoint: The path of the last.
        tensor: Its name.
        told: How it departs from the first beyond tolerance; empty if it does not.
    """

    checkpoint: str
    tensor: str
    told: str


@check(
    "IC401",
    Severity.ERROR,
    of=Difference,
    looks_at="pairs of tensors",
    advice=_REMEDY,
)
def values_differ(seen: Difference) -> str | None:
    """Values differ beyond the tolerance.

    What must not change did: a conversion lost precision, or a layer was trained that was frozen.
    """
    if seen.has_other_bytes:
        return "bytes differ, of values that are not decoded"
    if not seen.beyond:
        return None
    share = f"{seen.beyond:,} of {plural(seen.values, 'value')} beyond tolerance"
    return share if seen.relative is None else f"{share}, relative change {seen.relative:.4g}"


@check(
    "IC402",
    Severity.ERROR,
    of=Difference,
    looks_at="names of two checkpoints",
    advice="see whether it was renamed (--map, --follow-renames) or dropped",
)
def is_only_in_a(seen: Difference) -> str | None:
    """A tensor is in A only.

    Loaders that are not strict leave what they do not find at its random initialisation.
    """
    return f"{seen.form_a} in A, and not in B" if not seen.form_b else None


@check(
    "IC403",
    Severity.ERROR,
    of=Difference,
    looks_at="names of two checkpoints",
    advice="see whether it was renamed (--map, --follow-renames) or added",
)
def is_only_in_b(seen: Difference) -> str | None:
    """A tensor is in B only.

    Loaders that are not strict ignore what they do not know.
    """
    return f"{seen.form_b} in B, and not in A" if not seen.form_a else None


@check(
    "IC404",
    Severity.ERROR,
    of=Difference,
    looks_at="pairs of tensors",
    advice="see whether it is transposed or fused (--match), or of another model",
)
def shapes_differ(seen: Difference) -> str | None:
    """Shapes differ.

    Nothing of the values can be held against each other.
    """
    return f"{seen.form_a} → {seen.form_b}" if seen.has_other_shape else None


@check(
    "IC405",
    Severity.ERROR,
    of=Difference,
    looks_at="pairs of tensors, with --check-dtype",
    advice="leave --check-dtype out if the values count, and not how they are stored",
)
def dtypes_differ(seen: Difference) -> str | None:
    """Dtypes differ, which was not to be.

    A wider one takes more memory, a narrower one holds less.
    """
    return f"{seen.form_a} → {seen.form_b}" if seen.has_other_dtype else None


@check(
    "IC406",
    Severity.WARNING,
    of=Difference,
    looks_at="pairs of float tensors",
    advice="look for a scale that was applied twice, or not at all",
)
def is_a_multiple(seen: Difference) -> str | None:
    """B is A times a number that is not one.

    Steps of training do not: it is a scale that was forgotten, or folded in more than once, or
    nothing but weight decay.
    """
    return None if seen.factor is None else f"B = {seen.factor:.6g} · A"


@check(
    "IC407",
    Severity.ERROR,
    of=Difference,
    looks_at="every pair of values",
    advice="find the step that overflowed; --equal-nan takes NaN for equal to NaN",
)
def finiteness_differs(seen: Difference) -> str | None:
    """Values are NaN or infinite where the other checkpoint has other ones.

    No tolerance allows for them, and no distance tells of them.
    """
    if not seen.incomparable:
        return None
    return f"{plural(seen.incomparable, 'pair')} of values without a distance: NaN or infinite"


@check(
    "IC408",
    Severity.ERROR,
    of=Departure,
    looks_at="tensors along more than two checkpoints",
    advice="see at which step; --rtol, --atol and overrides say how much is allowed",
)
def departs_from_first(seen: Departure) -> str | None:
    """A tensor departs from the first of several checkpoints beyond the tolerance.

    Where it does says when: at a single step, or all the way.
    """
    return seen.told or None


@check(
    "IC906",
    Severity.NOTE,
    of=Difference,
    looks_at="pairs of tensors",
    advice="--strict makes it fail",
    is_coverage=True,
)
def is_not_compared(seen: Difference) -> str | None:
    """The values of a pair could not be compared.

    Whether they differ is not known.
    """
    return f"not compared: {seen.reason}" if seen.reason else None
