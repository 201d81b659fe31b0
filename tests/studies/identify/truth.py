"""Whether the law that a tensor was drawn by is among those it is said to be consistent with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from initcli.schemes.law import Law
from initcli.theory.identify.identity import Identity, Kind

from .asking import ALPHA, DTYPES, has, has_first, identities, stored
from .draws import BLOCK, Scheme, Shape, schemes
from .tables import Table, mean, percent

# The mean set size and the share of likeliest laws of the prototype in float32, by shape.
PROTOTYPE = {
    (8, 8): ("4.1", ".940"),
    (16, 16): ("2.9", ".966"),
    (32, 48): ("1.2", "1.000"),
    (64, 8, 3, 3): ("1.4", "1.000"),
    (48, 128): ("1.2", "1.000"),
    (256, 1, 7, 7): ("1.3", ".931"),
    (256, 128): ("1.25", "1.000"),
    (64, 64, 3, 3): ("1.9", ".997"),
    (384, 768): ("1.25", "1.000"),
    (1024, 1024): ("1.9", "1.000"),
}
SMALL: Sequence[Shape] = tuple(shape for shape in PROTOTYPE if math.prod(shape) < 1 << 17)
ODD: Sequence[Shape] = ((2048, 24), (24, 2048))
LARGE: Sequence[Shape] = ((384, 768), (1024, 1024))
LARGEST: Sequence[Shape] = ((2048, 2048),)
CASTS = tuple((code, False) for code in DTYPES)
CONSTANT = ("zeros", "ones", "constant")
PLAIN = str.maketrans(dict.fromkeys(" .,()=/±σ", "-"))
DIRECT = (("BF16", True), ("F16", True))


@dataclass(slots=True)
class Tally:
    """What became of tensors of known laws."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    found: int = 0
    first: int = 0
    constant: int = 0
    laws: list[int] = field(default_factory=list)
    schemes: list[int] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """The tensors of which something can be told: those that are not stored as one value."""
        return sum(self.kinds.values())

    @property
    def told(self) -> int:
        """Those of which something is told."""
        return self.asked - self.kinds[Kind.CANNOT_TELL]

    def add(self, identity: Identity, law: Law) -> None:
        if identity.structure.startswith(CONSTANT):
            self.constant += 1
            return
        self.kinds[identity.kind] += 1
        self.found += has(identity, law)
        self.first += has_first(identity, law)
        if identity.kind is Kind.CONSISTENT:
            self.laws.append(len(identity.fits))
            self.schemes.append(len(identity.schemes))

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.kinds + other.kinds,
            self.found + other.found,
            self.first + other.first,
            self.constant + other.constant,
            self.laws + other.laws,
            self.schemes + other.schemes,
        )

    @property
    def cells(self) -> list[str]:
        return [
            f"{self.asked:,}",
            percent(self.found, self.told),
            percent(self.first, self.told, 1),
            mean(self.laws),
            mean(self.schemes),
            percent(self.kinds[Kind.NOT_INITIAL], self.asked),
            percent(self.kinds[Kind.UNKNOWN_LAW], self.asked),
            percent(self.kinds[Kind.CANNOT_TELL], self.asked),
        ]


HEADER = (
    "tensors",
    "truth in set",
    "likeliest",
    "laws",
    "schemes",
    "not initial",
    "unknown",
    "cannot tell",
)
Key = tuple[Shape, str, bool, str]


def tallies(folder: Path, counts: Mapping[Shape, int]) -> dict[Key, Tally]:
    """Draws every scheme in every dtype, so many tensors of each shape, and asks for each."""
    result: dict[Key, Tally] = {}
    for number, (shape, count) in enumerate(counts.items()):
        seeds = range(number * 10_000, number * 10_000 + count)
        for code, is_direct in (*CASTS, *DIRECT):
            drawn, laws = {}, {}
            for scheme in schemes(in_short=is_direct):
                tensors = dict(_drawn(scheme, shape, code, seeds, is_direct=is_direct))
                drawn |= tensors
                laws |= dict.fromkeys(tensors, (scheme.name, scheme.law(shape)))
            for name, identity in identities(drawn, folder / "drawn.safetensors").items():
                key = (shape, code, is_direct, laws[name][0])
                result.setdefault(key, Tally()).add(identity, laws[name][1])
    return result


def _drawn(
    scheme: Scheme, shape: Shape, code: str, seeds: Iterable[int], *, is_direct: bool
) -> Iterator[tuple[str, torch.Tensor]]:
    """Draws tensors, each under a name of which no other differs by a number alone."""
    dtype = DTYPES[code] if is_direct else torch.float32
    for seed in seeds:
        name = f"h.{BLOCK}.{scheme.name.translate(PLAIN)}_x{seed}.weight"
        yield name, stored(scheme.draw(shape, seed, dtype), code)


def pooled(tallied: Mapping[Key, Tally], part: int) -> dict[object, Tally]:
    """Adds up what agrees in a part of its key."""
    result: dict[object, Tally] = {}
    for key, tally in tallied.items():
        at = key[1:3] if part == 1 else key[part]
        result[at] = result.get(at, Tally()) + tally
    return result


def by_shape(tallied: Mapping[Key, Tally]) -> Table:
    rows: list[Sequence[str]] = []
    for shape, tally in pooled(tallied, 0).items():
        size, first = PROTOTYPE.get(shape, ("–", "–"))  # type: ignore[call-overload]
        name = f"{math.prod(shape):,} ({'×'.join(map(str, shape))})"  # type: ignore[arg-type]
        rows.append([name, *tally.cells, size, first])
    rows.append(["all", *sum(tallied.values(), Tally()).cells, "", ""])
    about = (
        f"Every scheme in every dtype, each tensor asked for at α = {ALPHA:g} as if it were alone. "
        "*Laws* and *schemes* are the mean size of the set; *likeliest* is how often the truth is "
        "its first. The prototype knew 16 schemes, in float32, bfloat16 and float16; its set had "
        "99.88 % of truths, and .051 % were called not at initialisation falsely. The five "
        "casts are of the same draws."
    )
    header = ("values (shape)", *HEADER, "prototype's set", "prototype's likeliest, float32")
    return Table("The truth in the set, by shape", header, rows, about)


def by_dtype(tallied: Mapping[Key, Tally]) -> Table:
    rows = [
        [f"{code}, {'drawn in it' if direct else 'cast'}", *tally.cells, f"{tally.constant:,}"]
        for (code, direct), tally in pooled(tallied, 1).items()  # type: ignore[misc]
    ]
    about = (
        "*One value*: tensors so small that they are stored as one value; they count nowhere else."
    )
    return Table(
        "The truth in the set, by dtype", ("dtype", *HEADER, "one value"), list(rows), about
    )


def by_scheme(tallied: Mapping[Key, Tally]) -> Table:
    rows = [[str(name), *tally.cells] for name, tally in pooled(tallied, 3).items()]
    return Table("The truth in the set, by scheme", ("scheme", *HEADER), list(rows))
