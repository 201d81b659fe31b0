"""Names that belong together, told by as few renames as explain them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from initcli.core.errors import OptionError
from initcli.core.tensor import Shape
from initcli.recipes.renames import Rename

Shapes = Mapping[str, Shape]
Pairs = Mapping[str, str]
"""B's names to A's."""

Gain = tuple[Rename, dict[str, str]]
"""A rename, and the names that it pairs: B's to A's."""

# Layers that wrap a model leave these in its names (torch.compile, DDP, FSDP, checkpointing).
_WRAPPERS = ("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_WRAPPED = re.compile(rf"(?<![^.])(?:{'|'.join(_WRAPPERS)})\.")
_DEEPEST_PREFIX = 3
# A tail that many names share, such as `weight`, tells nothing of what stands before it.
_MOST_SHARING = 4
_MOST_TRIED = 8
_MOST_RENAMES = 4
_MOST_HEADS = 40


@dataclass(frozen=True)
class Names:
    """The names of two checkpoints, with shapes: those that both have are paired."""

    a: Shapes
    b: Shapes

    @cached_property
    def only_a(self) -> dict[str, Shape]:
        """What B has no name for."""
        return {name: shape for name, shape in self.a.items() if name not in self.b}

    @cached_property
    def only_b(self) -> dict[str, Shape]:
        """What A has no name for."""
        return {name: shape for name, shape in self.b.items() if name not in self.a}

    @property
    def could_pair(self) -> int:
        """How many more names could be paired."""
        return min(len(self.only_a), len(self.only_b))

    def gained(self, rename: Rename) -> dict[str, str]:
        """Returns the names that a rename pairs, of equal shapes; none if it does harm.

        To part names that are paired, to give two tensors one name or one none, is harm.
        """
        became = {name: rename.apply(name) for name in self.b}
        if len(set(became.values())) < len(became) or not all(became.values()):
            return {}
        if any(new != name and name in self.a for name, new in became.items()):
            return {}
        return {
            name: new
            for name, new in became.items()
            if name in self.only_b and self.only_a.get(new) == self.b[name]
        }

    def renamed(self, rename: Rename) -> Names:
        """Returns both, B's names as they became."""
        return Names(self.a, {rename.apply(name): shape for name, shape in self.b.items()})


def by_prefix(names: Names) -> list[Gain]:
    """Finds prefixes and wrappers that alone keep names apart.

    Returns:
        Renames in order, and what each pairs: more than half of what it could, or anything at all
        where all names have the prefix.
    """
    found = list[Gain]()
    while len(found) < _MOST_RENAMES and names.could_pair and (best := _best_prefix(names)):
        found.append(best)
        names = names.renamed(best[0])
    return found


def _best_prefix(names: Names) -> Gain | None:
    for rename in _prefix_renames(names):
        gained = names.gained(rename)
        if 2 * len(gained) > names.could_pair or (gained and _is_of_all(rename, names)):
            return rename, gained
    return None


def _is_of_all(rename: Rename, names: Names) -> bool:
    """Whether a rename is of what all of B's names begin with, and brings them where A's are."""
    return all(rename.apply(name) != name for name in names.only_b) and all(
        name.startswith(rename.replacement) for name in names.only_a
    )


def _prefix_renames(names: Names) -> Iterator[Rename]:
    for (before, after), _ in _counted_prefixes(names).most_common(_MOST_TRIED):
        heads = {
            name[len(before) :].partition(".")[0]
            for name in names.only_b
            if name.startswith(before)
        }
        yield from written(f"^{re.escape(before)}", after)
        # Names that are paired already may begin with the prefix too, and shall stay as they are.
        if len(heads) <= _MOST_HEADS:
            choice = "|".join(sorted(map(re.escape, heads)))
            yield from written(rf"^{re.escape(before)}(?=(?:{choice})(?:\.|$))", after)
    for word in _WRAPPERS:
        yield from written(rf"\b{word}\.", "")


def _counted_prefixes(names: Names) -> Counter[tuple[str, str]]:
    """Counts how many names each pair of prefixes would bring together, shortest ones first."""
    before, after = _prefixes(names.only_b), _prefixes(names.only_a)
    counted: Counter[tuple[str, str]] = Counter()
    for tail in before.keys() & after.keys():
        if len(before[tail]) <= _MOST_SHARING and len(after[tail]) <= _MOST_SHARING:
            counted.update(
                (b, a)
                for b in before[tail]
                for a in after[tail]
                if names.only_b[b + tail] == names.only_a[a + tail]
            )
    shortest = sorted(counted, key=lambda pair: (sum(map(len, pair)), pair))
    return Counter({pair: counted[pair] for pair in shortest})


def _prefixes(names: Shapes) -> dict[str, list[str]]:
    """Returns by what is left of names the prefixes, some segments long, that it is left by."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        segments = name.split(".", _DEEPEST_PREFIX)
        for depth in range(len(segments)):
            prefix = "".join(f"{each}." for each in segments[:depth])
            found[name[len(prefix) :]].append(prefix)
    return found


def written(regex: str, replacement: str) -> Iterator[Rename]:
    """Yields a rename if it can be written: hostile names hold what cannot be pasted."""
    text = f"{regex}={replacement}"
    if "=" in replacement or not text.isprintable():
        return
    try:
        yield Rename.parse(text)
    except OptionError:
        return


def without_wrappers(names: Names) -> dict[str, str]:
    """Returns names that are one but for wrappers in the middle of A's."""
    plain = {_WRAPPED.sub("", name): name for name in names.only_a}
    return {
        name: plain[name]
        for name, shape in names.only_b.items()
        if name in plain and names.only_a[plain[name]] == shape
    }
