"""Tells which initialisation every tensor of a checkpoint carries, while and after it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from initcli.commands.observing.request import Request
from initcli.core.tensor import TensorSpec
from initcli.engine.blocks import look_at_blocks
from initcli.engine.structure import structures
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.recipes.variables import Known
from initcli.schemes.law import Law
from initcli.schemes.layer import Layer
from initcli.schemes.registry import Draw
from initcli.schemes.structure import ZerosPerColumn
from initcli.statistics.portrait import Portrait
from initcli.statistics.summary import Summary
from initcli.theory.identify.block import Block, Extent, Sides, sides_of
from initcli.theory.identify.catalogue import Catalogue
from initcli.theory.identify.cells import cells_of
from initcli.theory.identify.decide import Marginal, decide, judge_marginal, too_few
from initcli.theory.identify.identity import Identity, Kind
from initcli.theory.identify.isometry import gain_of_isometry, isometry_text, lines_of
from initcli.theory.identify.marginal import Values
from initcli.theory.identify.places import Places, look_at_places
from initcli.theory.identify.suppose import constant_scheme, suppositions
from initcli.theory.structure import judge_structure

# Of a larger matrix as many values are looked at for places: what 512 rows have in common shows.
_SAMPLE = 1 << 18
# As many at most where all is asked for: 64 MiB as float64, and as much for each step with them.
_MOST = 1 << 23
# So small a largest singular value is worth looking for an isometry.
_EVEN = 1e-2

_WIDE = 16
_FEW = 0.1
_LEAST = 1e-60

Seen = TypeVar("Seen")
Suggested = Mapping[str, Mapping[str, Law]]
"""Laws by scheme that more than the catalogue suggests, by the tensor's name."""


@dataclass(slots=True)
class Identification:
    """What is being found out of the tensors of one checkpoint.

    Attributes:
        checkpoint: What is read.
        layers: What each tensor is to its layer.
        known: What names in formulas stand for.
        suggested: Laws beyond the catalogue's.
        request: At which level, how much of matrices to look at, and by how many threads.
    """

    checkpoint: Checkpoint
    layers: Mapping[str, Layer]
    known: Known
    suggested: Suggested
    request: Request
    _catalogue: Catalogue = field(default_factory=Catalogue)
    _done: dict[str, Identity] = field(default_factory=dict)
    _marginals: dict[str, Marginal] = field(default_factory=dict)
    _with_zeros: dict[str, Marginal] = field(default_factory=dict)
    _sparse: dict[str, float] = field(default_factory=dict)
    _supposed: dict[str, dict[str, Draw]] = field(default_factory=dict)

    def note(self, spec: TensorSpec, portrait: Portrait | None) -> None:
        """Takes note of what a pass over a tensor's values shows."""
        reason = cannot_identify(spec)
        if reason or portrait is None:
            self._say(spec, Kind.CANNOT_TELL, reason)
        elif hurt := _hurt(portrait.summary):
            self._say(spec, Kind.CANNOT_TELL, hurt)
        elif scheme := constant_scheme(portrait.summary):
            self._found(spec.name, scheme)
        else:
            self._suppose(spec, portrait.summary)
            if reason := too_few(portrait.summary.finite, self.request.level):
                self._say(spec, Kind.CANNOT_TELL, reason)
            else:
                self._marginals[spec.name] = self._marginal(spec, portrait)

    def conclude(self) -> dict[str, Identity]:
        """Reads again what has to be, and returns the verdict on every tensor.

        Raises:
            TruncatedError, MissingError: A file is not what it was when it was opened.
        """
        self._confirm()
        self._refuse_pruned()
        places = self._look()
        self._find_isometries(name for name, seen in places.items() if seen.evenness < _EVEN)
        nothing = Places({})
        for name, marginal in self._marginals.items():
            if name not in self._done:
                seen = places.get(name, nothing)
                # Zeros that are no whole rows belong to the values.
                every = self._with_zeros.get(name, marginal) if seen.has_zeros else marginal
                self._done[name] = decide(every, seen, self.request.level)
        return self._done

    def _marginal(self, spec: TensorSpec, portrait: Portrait) -> Marginal:
        table = portrait.table
        if table is None:
            raise ValueError("a portrait without its table tells no law")
        cells = cells_of(table, spec.dtype, portrait.summary.root_mean_square)
        values = Values(spec.dtype, portrait.summary, cells)
        candidates = self._catalogue.candidates(
            self.layers[spec.name],
            self.known.of_tensor(spec),
            self.suggested.get(spec.name, {}),
        )
        level = self.request.level
        if rows := _zero_rows(spec, portrait.summary):
            self._with_zeros[spec.name] = judge_marginal(values, candidates, level)
            values = replace(values, zero_rows=rows, row=math.prod(spec.shape[1:]))
        return judge_marginal(values, candidates, level)

    def _suppose(self, spec: TensorSpec, summary: Summary) -> None:
        layer, variables = self.layers[spec.name], self.known.of_tensor(spec)
        supposed = dict(suppositions(layer, spec.dtype, summary, variables))
        if supposed:
            self._supposed[spec.name] = supposed

    def _confirm(self) -> None:
        """Looks in place for the structures that moments allow, one after the other."""
        while draws := {name: next(iter(each)) for name, each in self._supposed.items() if each}:
            looked = {name: self._supposed[name].pop(scheme) for name, scheme in draws.items()}
            for name, found in structures(self.checkpoint, looked, self.request.progress):
                spec = self.checkpoint.tensors[name].spec
                verdict = judge_structure(looked[name].law, spec, found)
                if verdict.reason:
                    self._say(spec, Kind.CANNOT_TELL, f"perhaps {draws[name]}: {verdict.reason}")
                elif not verdict.off:
                    self._found(name, draws[name])
                    if isinstance(looked[name].law.structure, ZerosPerColumn):
                        self._sparse[name] = 1 - looked[name].law.random_share
                if not verdict.off:
                    self._supposed[name] = {}

    def _refuse_pruned(self) -> None:
        """Takes back that a matrix is sparse where whole rows are zero, as pruning leaves them.

        By chance none is, unless rows are short and most values zero.
        """
        sides = dict(self._matrices(self._sparse))
        parts = {name: Extent.of(each, _SAMPLE) for name, each in sides.items()}
        for name, block in self._blocks(parts, _itself):
            by_chance = parts[name].rows * self._sparse[name] ** parts[name].columns
            if len(block.values) < parts[name].rows and by_chance < self.request.level:
                del self._done[name]

    def _look(self) -> dict[str, Places]:
        """Looks at the places of all values that are not structured."""
        most = _MOST if self.request.exact else _SAMPLE
        open_ones = [name for name in self._marginals if name not in self._done]
        parts = {name: Extent.of(sides, most) for name, sides in self._matrices(open_ones)}
        return dict(self._blocks(parts, look_at_places))

    def _matrices(self, names: Iterable[str]) -> Iterator[tuple[str, Sides]]:
        for name in names:
            spec = self.checkpoint.tensors[name].spec
            if sides := sides_of(spec.shape, self.layers[name].layout):
                yield name, sides

    def _find_isometries(self, names: Iterable[str]) -> None:
        sides = dict(self._matrices(names))
        parts = {name: part for name, each in sides.items() if (part := lines_of(each))}
        for name, block in self._blocks(parts, _itself):
            gain = gain_of_isometry(block, self.checkpoint.tensors[name].spec.dtype)
            if gain is not None:
                self._found(name, isometry_text(gain, parts[name]))

    def _blocks(
        self, parts: Mapping[str, Extent], look: Callable[[Block], Seen]
    ) -> Iterator[tuple[str, Seen]]:
        request = self.request
        return look_at_blocks(self.checkpoint, parts, look, request.jobs, request.progress)

    def _found(self, name: str, scheme: str) -> None:
        self._done[name] = Identity(Kind.STRUCTURED, self.request.level, structure=scheme)

    def _say(self, spec: TensorSpec, kind: Kind, reason: str) -> None:
        self._done[spec.name] = Identity(kind, self.request.level, reason=reason)


def cannot_identify(spec: TensorSpec) -> str:
    """Returns why nothing is told of a tensor of this kind; empty if it may be."""
    if not spec.dtype.is_drawable:
        return f"no scheme draws {spec.dtype.code} values"
    return "" if spec.parameters else "it holds no values"


def _hurt(summary: Summary) -> str:
    """Returns what leaves no law to be held against; empty where there is nothing of it."""
    kinds = (("NaN", summary.nan), ("infinite", summary.infinite))
    if hurt := ", ".join(f"{count:,} {what}" for what, count in kinds if count):
        return hurt
    # Of what is not constant the squares must be numbers, and their squares.
    fits = _LEAST < summary.root_mean_square < 1 / _LEAST or summary.is_constant
    return "" if fits else "its scale leaves float64 when it is squared"


def _zero_rows(spec: TensorSpec, summary: Summary) -> int:
    """Returns how many rows hold zeros only, if those are all zeros there are and few.

    An embedding's padding is such a row. Where values underflow, zeros tell nothing.
    """
    length = math.prod(spec.shape[1:])
    if len(spec.shape) < 2 or length < _WIDE or summary.subnormal or summary.zeros % length:  # noqa: PLR2004
        return 0
    rows = summary.zeros // length
    return rows if rows <= _FEW * spec.shape[0] else 0


def _itself(block: Block) -> Block:
    return block
