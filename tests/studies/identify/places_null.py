"""p-values of the tests of places, where values owe nothing to their places."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

import torch

from initcli.theory.identify.block import Block, Extent, sides_of
from initcli.theory.identify.places import look_at_places

from .asking import DTYPES
from .tables import Table
from .tails import ABOUT, FAMILIES, HEADER, Tail

Shape = tuple[int, ...]
Tails = dict[tuple[str, str, str], Tail]


def places_tails(counts: Mapping[Shape, int], codes: tuple[str, ...]) -> Tails:
    """Tests blocks of independent values; by shape, family and test."""
    result: Tails = defaultdict(Tail)
    generator = torch.Generator().manual_seed(13)
    for shape, count in counts.items():
        for family in FAMILIES:
            for code in codes:
                found: dict[str, list[float]] = defaultdict(list)
                for _ in range(count // len(codes)):
                    values = family.draw(shape[0], math.prod(shape[1:]), generator)
                    for test, p in _tests(values.to(DTYPES[code]), shape).items():
                        found[test].append(p)
                for test, values_of_p in found.items():
                    result["×".join(map(str, shape)), family.name, test].add(values_of_p)
    return result


def _tests(values: torch.Tensor, shape: Shape) -> dict[str, float]:
    sides = sides_of(shape)
    if sides is None:
        raise ValueError("a vector has no places")
    tests = look_at_places(Block.of(values.float().numpy(), Extent.whole(sides))).tests
    return {**tests, "joint": min(1.0, len(tests) * min(tests.values()))}


def by_test(tails: Tails, off: str) -> Table:
    pooled: dict[str, Tail] = defaultdict(Tail)
    for (_, _, test), tail in tails.items():
        pooled[test] += tail
    rows = [[test, *tail.cells] for test, tail in pooled.items()]
    return Table(
        "Calibration of the tests of places",
        ("test", *HEADER),
        rows,
        f"{ABOUT} Pooled over shapes and laws. More than chance: {off}",
    )


def by_shape(tails: Tails) -> Table:
    pooled: dict[tuple[str, str], Tail] = defaultdict(Tail)
    for (shape, family, test), tail in tails.items():
        if test == "joint":
            pooled[shape, family] += tail
    rows = [[*key, *tail.cells] for key, tail in pooled.items()]
    return Table(
        "Calibration of all tests of places together", ("shape", "law", *HEADER), rows, ABOUT
    )


def off(tails: Tails) -> list[str]:
    """Returns every shape, law and test of which a count is more than chance would make it."""
    return [" ".join(key) for key, tail in tails.items() if any(tail.surprises)]
