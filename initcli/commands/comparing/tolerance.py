"""How far two values may be apart, by the dtypes and the name of their tensors."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from initcli.commands.gating.settings import Settings
from initcli.core.dtypes import DType
from initcli.core.errors import OptionError
from initcli.core.text import visible
from initcli.recipes.selector import Pattern, Selector
from initcli.statistics.pair import Tolerance

# The defaults of torch.testing.assert_close; every other dtype must be equal.
_BY_DTYPE = {
    "F16": Tolerance(1e-3, 1e-5),
    "BF16": Tolerance(1.6e-2, 1e-5),
    "F32": Tolerance(1.3e-6, 1e-5),
    "F64": Tolerance(1e-7, 1e-7),
    "C64": Tolerance(1.3e-6, 1e-5),
}
EXACT = Tolerance(0.0, 0.0)
_WRITTEN = "a tolerance is written PATTERN=RTOL,ATOL, such as '*.norm.*=1e-3,1e-5'"

ByPattern = Sequence[tuple[str, Tolerance]]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a pair of tensors may differ by.

    Attributes:
        tolerance: How far values may be apart.
        cast: Whether values that are equal once cast are within it, however far apart.
    """

    tolerance: Tolerance
    cast: bool


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What tensors may differ by: the last pattern that matches, else one for all, else torch's.

    Attributes:
        asked: For tensors that no pattern matches; None for torch's by dtype.
        by_pattern: Patterns of names, and what holds for them.
        settled: Likewise of a settings file, which speaks where none of those does.
        equal_nan: Whether NaN equals NaN.
    """

    asked: Tolerance | None = None
    by_pattern: tuple[tuple[Pattern, Tolerance], ...] = ()
    settled: tuple[tuple[Selector, Tolerance], ...] = ()
    equal_nan: bool = False

    @classmethod
    def of(
        cls,
        rtol: float | None,
        atol: float | None,
        by_pattern: ByPattern = (),
        *,
        equal_nan: bool = False,
        said: Settings | None = None,
    ) -> Tolerances:
        """Builds them from what users give; of `rtol` and `atol`, one alone makes the other 0.

        Args:
            rtol: The relative tolerance.
            atol: The absolute tolerance.
            by_pattern: Patterns of names, and what holds for them instead.
            equal_nan: Whether NaN equals NaN.
            said: What a settings file says, where nothing else does.

        Raises:
            OptionError: A number is none that a tolerance can be.
        """
        said = said or Settings()
        asked = _of_two(rtol, atol) or _of_two(said.rtol, said.atol)
        for tolerance in (asked, *(each for _, each in by_pattern)):
            _require_possible(tolerance)
        return cls(
            asked,
            tuple((Pattern(text), each) for text, each in by_pattern),
            tuple(
                (each.tensors, tolerance)
                for each in said.overrides
                if (tolerance := _of_two(each.rtol, each.atol))
            ),
            equal_nan,
        )

    def refuse_idle(self, names: Collection[str]) -> None:
        """Refuses a pattern that matches none of the names.

        Raises:
            PatternError: A pattern is malformed or matches nothing.
        """
        for pattern, _ in self.by_pattern:
            Selector((pattern,)).choose(names)

    def tolerance_for(self, name: str, a: DType, b: DType) -> Allowance:
        """Returns what two tensors of a name may differ by."""
        chosen = self._chosen(name)
        tolerance = chosen or _of_dtypes(a, b)
        return Allowance(replace(tolerance, equal_nan=self.equal_nan), cast=chosen is None)

    def _chosen(self, name: str) -> Tolerance | None:
        """Returns what anyone says of a name; the last that speaks of it counts."""
        every: list[tuple[Selector | Pattern, Tolerance]] = [*self.settled, *self.by_pattern]
        fitting = (each for pattern, each in reversed(every) if pattern.matches(name))
        return next(fitting, self.asked)


def _of_two(rtol: float | None, atol: float | None) -> Tolerance | None:
    return None if rtol is None and atol is None else Tolerance(rtol or 0.0, atol or 0.0)


def parse_tolerances(texts: Iterable[str]) -> list[tuple[str, Tolerance]]:
    """Reads tolerances as users write them, `PATTERN=RTOL,ATOL` each; the last `=` parts the two.

    Raises:
        OptionError: One is not written so.
    """
    return [_parsed(text) for text in texts]


def _parsed(text: str) -> tuple[str, Tolerance]:
    pattern, _, numbers = text.rpartition("=")
    try:
        relative, absolute = map(float, numbers.split(","))
    except ValueError:
        raise OptionError("not a tolerance", where=visible(text, 200), hint=_WRITTEN) from None
    if not pattern:
        raise OptionError("a tolerance for no name", where=visible(text, 200), hint=_WRITTEN)
    return pattern, Tolerance(relative, absolute)


def _require_possible(tolerance: Tolerance | None) -> None:
    if tolerance is None:
        return
    for name, value in (("rtol", tolerance.relative), ("atol", tolerance.absolute)):
        if not 0 <= value < math.inf:
            raise OptionError(f"{name} must be a number from 0 on, got {value}")


def _of_dtypes(a: DType, b: DType) -> Tolerance:
    """Returns torch's tolerance of the less precise dtype."""
    one, other = _BY_DTYPE.get(a.code, EXACT), _BY_DTYPE.get(b.code, EXACT)
    return Tolerance(max(one.relative, other.relative), max(one.absolute, other.absolute))
