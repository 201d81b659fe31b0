"""p-values of the tests of a marginal, under the law that they test."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from initcli.core.dtypes import DTYPES as CODES
from initcli.schemes import law as laws
from initcli.schemes.law import Law
from initcli.statistics.fold import accumulate
from initcli.statistics.moments import Moments
from initcli.statistics.summary import Summary
from initcli.theory.identify.cells import Cells, cells_of
from initcli.theory.identify.marginal import Values, hold

from .asking import DTYPES
from .tables import Table
from .tails import ABOUT, FAMILIES, HEADER, LEVELS, STD, Family, Tail

CHUNK = 1 << 23
NOTHING = Cells(np.array([-np.inf, np.inf]), np.array([1]))
Ends = list[tuple[float, float]]
Tails = dict[tuple[str, ...], Tail]


def seen(tensor: torch.Tensor, code: str) -> Values:
    """Returns what the marginal's tests are given of a tensor."""
    raw = memoryview(tensor.contiguous().view(torch.uint8).numpy())
    found = accumulate(raw, CODES[code])
    summary = found.summary
    return Values(
        CODES[code], summary, cells_of(found.table, CODES[code], summary.root_mean_square)
    )


def beside(law: Law) -> list[Law]:
    """Returns laws near to one, whose likelihoods enter the mean that its own is held against."""
    near = [family.law for family in FAMILIES if family.law is not law]
    return [law, *near, laws.normal(0.0, 1.1 * law.std), laws.normal(0.0, law.std / 1.1)]


def through_hold(counts: Mapping[int, int], codes: tuple[str, ...]) -> Tails:
    """Holds tensors against their own law, as the command does; by law, dtype, length, test."""
    result: Tails = defaultdict(Tail)
    generator = torch.Generator().manual_seed(11)
    for family in FAMILIES:
        held = beside(family.law)
        for code in codes:
            for length, count in counts.items():
                drawn = family.draw(count, length, generator).to(DTYPES[code])
                own = [hold(seen(row, code), held, len(held))[0] for row in drawn]
                for test in own[0].tests:
                    result[family.name, code, f"{length:,}", test].add(
                        one.tests[test] for one in own
                    )
                result[family.name, code, f"{length:,}", "joint"].add(one.p for one in own)
    return result


def far_out(counts: Mapping[int, int], codes: tuple[str, ...]) -> Tails:
    """Counts how often each statistic lies beyond where its p-value reaches a level.

    Where that is comes from the tests themselves; so millions of tensors are held against it.
    """
    result: Tails = defaultdict(Tail)
    generator = torch.Generator().manual_seed(12)
    for family in FAMILIES:
        for code in codes:
            for length, count in counts.items():
                ends = {test: list(_ends(test, family.law, code, length)) for test in STATISTICS}
                for drawn in _chunks(family, length, count, generator):
                    wide = drawn.to(DTYPES[code]).float()
                    for test, statistic in STATISTICS.items():
                        tail = result[family.name, code, f"{length:,}", test]
                        _count(tail, statistic(wide).numpy(), ends[test])
    return result


STATISTICS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": lambda x: x.mean(1, dtype=torch.float64),
    "variance": lambda x: (x * x).mean(1, dtype=torch.float64),
    "minimum": lambda x: x.amin(1).double(),
    "maximum": lambda x: x.amax(1).double(),
}


def _chunks(
    family: Family, length: int, count: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    rows = CHUNK // length
    for first in range(0, count, rows):
        yield family.draw(min(rows, count - first), length, generator)


def _count(tail: Tail, statistics: np.ndarray, ends: Ends) -> None:
    tail.count += statistics.size
    tail.below += [int(((statistics <= low) | (statistics >= high)).sum()) for low, high in ends]


def _summary(test: str, at: float, law: Law, length: int) -> Summary:
    """Returns a summary of one statistic as asked for, and the rest as the law has it."""
    second = at if test == "variance" else law.variance
    centre = at if test == "mean" else 0.0
    about = Moments(length, centre, length * max(0.0, second - centre * centre))
    usual = Summary(about, length, minimum=-law.std, maximum=law.std)
    return replace(usual, **{test: at}) if test in {"minimum", "maximum"} else usual


def _ends(test: str, law: Law, code: str, length: int) -> Iterator[tuple[float, float]]:
    """Yields between which statistics the p-value of a test is no less than each level."""

    def p(at: float) -> float:
        values = Values(CODES[code], _summary(test, at, law, length), NOTHING)
        return hold(values, [law], 1)[0].tests[test]

    centre, span = _middle(test, law, length)
    for level in LEVELS:
        yield _edge(p, level, centre, -span), _edge(p, level, centre, span)


def _middle(test: str, law: Law, length: int) -> tuple[float, float]:
    """Returns a statistic that nothing speaks against, and further than any may be from it."""
    if test == "mean":
        return 0.0, 20 * law.std / math.sqrt(length)
    if test == "variance":
        return law.variance, 60 * law.variance / math.sqrt(length)
    at = np.linspace(-8 * STD, 8 * STD, 1 << 16)
    below = law.cdf(at) if law.cdf else at
    median = float(at[np.searchsorted(below, 0.5 ** (1 / length))])
    return (median if test == "maximum" else -median), 10 * STD


def _edge(p: Callable[[float], float], level: float, inside: float, span: float) -> float:
    """Returns the nearest statistic whose p-value is below a level, in one direction."""
    outside = inside + span
    for _ in range(50):
        between = (inside + outside) / 2
        inside, outside = (inside, between) if p(between) < level else (between, outside)
    return outside


def by_test(title: str, tails: Tails, about: str) -> Table:
    """Pools laws."""
    pooled: Tails = defaultdict(Tail)
    for (_, code, length, test), tail in tails.items():
        pooled[code, length, test] += tail
    rows = [[*key, *tail.cells] for key, tail in pooled.items()]
    return Table(title, ("dtype", "values", "test", *HEADER), rows, f"{ABOUT} {about}")


def off(tails: Tails) -> list[str]:
    """Returns every law, dtype, length and test of which a count is more than chance would make."""
    return [" ".join(key) for key, tail in tails.items() if any(tail.surprises)]
