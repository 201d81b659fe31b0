"""Attention that begins as trained attention looks: its products resemble multiples of I."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from initcli.schemes import mimetic_law
from initcli.schemes.attention import Part, place_of
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw, Shared, per_tensor, scheme
from initcli.schemes.require import require
from initcli.schemes.structure import Orthogonal

if TYPE_CHECKING:
    import torch

    from initcli.schemes.law import Law

_FUSED: tuple[Part, ...] = ("query", "key", "value")
_HEADED = frozenset({"query", "key"})
# In bytes for width² values: a product, its factors and LAPACK's workspace.
_SQUARE = 48
# Nearer to a multiple of I, rounding would choose the singular vectors.
_LEAST_NOISE = 1e-3


@scheme(
    formula="query, key: √S·Uᵀ, √S·Vᵀ of each head, αZ/√d + βI cut to its rank = U·S·Vᵀ; "
    "value, output: of all heads, αZ/√d − βI",
    variance="E σ/d over the singular values σ that are kept",
    citation="Trockman & Kolter 2023, arXiv:2305.09828",
)
def mimetic(
    layer: Layer,
    part: Literal["auto", "query", "key", "value", "output", "qkv"] = "auto",
    heads: float = per_tensor("n_head"),
    alpha_qk: float = 0.7,
    beta_qk: float = 0.7,
    alpha_vo: float = 0.4,
    beta_vo: float = 0.4,
) -> Draw:
    """Makes query·key of a head resemble I, and value·output −I, as they do once trained.

    All parts of an attention block are drawn from one generator: the product of value and output,
    then those of query and key, head by head. Each tensor factors anew what it takes part in: a
    head costs the singular value decomposition of d×d, of some 0.15 s at d = 768.

    Args:
        layer: A matrix of an attention block that has as many heads of keys as of queries.
        part: Which part of it; by default its name tells. A fused one holds query, key, value.
        heads: How many.
        alpha_qk: α of query·key.
        beta_qk: β of query·key.
        alpha_vo: α of value·output.
        beta_vo: β of value·output.
    """
    layer.require(least=2, most=2)
    place = place_of(layer.name, part)
    is_swapped = layer.layout is not None and layer.layout.kind == "in_out"
    inner, width = _sides(layer, place.part, is_swapped=is_swapped)
    rank = _rank_of_head(inner, heads)
    block = _Block(
        width,
        _Products("query·key", alpha_qk, beta_qk, rank, int(heads)),
        _Products("value·output", alpha_vo, beta_vo, inner, sign=-1),
    )
    is_across = is_swapped != (place.part == "output")

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        rows, first = tensor.T if is_across else tensor, 0
        for factor in block.factors(place.part, generator):
            rows[first : first + len(factor)] = factor
            first += len(factor)
        return tensor

    law, agreed = block.law(place.part, int(is_across)), block.agreed(place.part)
    shared = Shared(
        f"attention {place.block}",
        frozenset(_parts(place.part)),
        agreed | {"layout": "in_out" if is_swapped else "linear"},
    )
    held = math.ceil(_SQUARE * width**2 / math.prod(layer.shape))
    return Draw(law, fill, held=held, shared=shared)


def _parts(part: Part) -> tuple[Part, ...]:
    return _FUSED if part == "qkv" else (part,)


def _sides(layer: Layer, part: Part, *, is_swapped: bool) -> tuple[int, int]:
    """Returns how many values a token has within a part of attention, and outside.

    Raises:
        UnfitError: The tensor holds several layers that are not query, key and value.
    """
    outputs, inputs = layer.shape[::-1] if is_swapped else layer.shape
    parts = len(_parts(part))
    if layer.layout is not None and layer.layout.parts not in {1, parts}:
        raise UnfitError(f"{layer.layout.text} holds several layers, not one that is the {part}")
    if outputs % parts:
        raise UnfitError(f"{outputs} outputs do not divide into query, key and value")
    return (inputs, outputs) if part == "output" else (outputs // parts, inputs)


def _rank_of_head(inner: int, heads: float) -> int:
    require(heads >= 1 and heads % 1 == 0, "heads must be a positive whole number")
    if inner % heads:
        raise UnfitError(f"{inner} values do not divide into {heads:g} heads")
    return inner // int(heads)


@dataclass(frozen=True, slots=True)
class _Products:
    """Products αZ/√d ± βI, cut to a rank.

    Attributes:
        name: What they are products of.
        alpha: α.
        beta: β.
        rank: How many singular values are kept.
        count: How many products there are.
        sign: That of βI.
    """

    name: str
    alpha: float
    beta: float
    rank: int
    count: int = 1
    sign: int = 1

    def __post_init__(self) -> None:
        require(self.alpha > 0, "alpha must be positive")
        require(self.beta >= 0, "beta must not be negative")
        least = _LEAST_NOISE * self.beta
        require(self.alpha >= least, "alpha must be a thousandth of beta or more")

    @property
    def text(self) -> str:
        """What both factors of them must take alike."""
        return f"{self.count}×{self.rank} rows at alpha {self.alpha:g}, beta {self.beta:g}"

    def drawn(
        self, width: int, generator: torch.Generator
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yields each as a matrix, Z drawn row by row, and signs of its singular vectors.

        LAPACK's own signs are a convention, which singles out a coordinate.
        """
        import torch

        for _ in range(self.count):
            matrix = torch.randn(width, width, generator=generator)
            matrix *= self.alpha / math.sqrt(width)
            matrix.diagonal().add_(self.sign * self.beta)
            yield matrix, torch.randint(0, 2, (width,), generator=generator) * 2.0 - 1

    def factors(
        self, matrix: torch.Tensor, signs: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns √S·Uᵀ and √S·Vᵀ of a product, of shape (rank, width)."""
        import torch

        left, values, right = torch.linalg.svd(matrix, full_matrices=False)
        scale = (values.sqrt() * signs)[: self.rank, None]
        return left.T[: self.rank] * scale, right[: self.rank] * scale


@dataclass(frozen=True, slots=True)
class _Block:
    """The products of an attention block; `width` is d, the values of a token outside it."""

    width: int
    query_key: _Products
    value_output: _Products

    def of(self, part: Part) -> _Products:
        """Returns the products that a part is a factor of.

        Raises:
            UnfitError: None of this width has factors of that size.
        """
        products = self.query_key if part in _HEADED else self.value_output
        if self.width < 2 or products.rank > self.width:  # noqa: PLR2004 - a line has no angles
            rank = products.rank
            raise UnfitError(f"a product of width {self.width} has no factors of rank {rank}")
        return products

    def agreed(self, part: Part) -> dict[str, object]:
        """Returns what other parts of the block must take alike."""
        of_parts = (self.of(each) for each in _parts(part))
        return {"width": self.width} | {products.name: products.text for products in of_parts}

    def law(self, part: Part, axis: int) -> Law:
        """Returns the law of a part, whose factors are its rows (axis 0) or columns."""
        of_parts = [self.of(each) for each in _parts(part)]
        runs = tuple(run for each in of_parts for run in [each.rank] * each.count)
        factors = tuple((each.alpha, each.beta, each.rank / self.width) for each in of_parts)
        return mimetic_law.mimetic(self.width, factors, Orthogonal(runs, axis))

    def factors(self, part: Part, generator: torch.Generator) -> Iterator[torch.Tensor]:
        """Yields the factors that a part is made of, in their order in the tensor."""
        parts, keys = frozenset(_parts(part)), []
        (last,) = self.value_output.drawn(self.width, generator)
        for head in self.query_key.drawn(self.width, generator) if parts & _HEADED else ():
            query, key = self.query_key.factors(*head)
            if "query" in parts:
                yield query
            if "key" in parts:
                keys.append(key)
        yield from keys
        if parts - _HEADED:
            yield self.value_output.factors(*last)[part == "output"]
