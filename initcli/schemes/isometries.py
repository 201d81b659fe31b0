"""Matrices that pass signals through unchanged, and convolutions that do so at their centre."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from initcli.core.tensor import Shape
from initcli.schemes import law as laws
from initcli.schemes import special_law
from initcli.schemes.gain import Gain
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw, scheme
from initcli.schemes.require import require

if TYPE_CHECKING:
    import torch

# The matrix to be factored with its factors, at most as large as the tensor.
_FACTORS = 16


@scheme(
    formula="gain·Q at the tap (k − 1) // 2, else 0; QᵀQ = I",
    variance="gain²/(K·outputs), K taps, the same in every draw",
    citation="Xiao et al. 2018, arXiv:1806.05393; jax.nn.initializers.delta_orthogonal",
)
def delta_orthogonal(layer: Layer, gain: Gain = 1.0) -> Draw:
    """Makes a convolution a random isometry of its channels, of which no fewer may go out."""
    layer.require(least=3, most=5)
    outputs, inputs = _sides(layer)
    if inputs > outputs:
        raise UnfitError(f"{inputs} inputs cannot keep their distances in {outputs} outputs")
    taps = math.prod(layer.shape[2:])
    centre = _place([(size - 1) // 2 for size in layer.shape[2:]], layer.shape[2:])

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        tensor.zero_()
        tap = torch.empty(tensor.shape[:2])
        torch.nn.init.orthogonal_(tap, gain=gain, generator=generator)
        return tensor.flatten(2)[:, :, centre].copy_(tap)

    return Draw(special_law.delta_orthogonal(gain, outputs, taps), fill, held=_FACTORS)


@scheme(
    formula="w[i, i] = 1 if r ≤ c, else 2^(−n/2)·H[i, j], n = ⌈log₂ r⌉; at the tap k // 2, else 0",
    variance="m/(rcK) − mean² if r ≤ c, m = r; else 2^−n/K − mean², K taps",
    citation="Zhao et al. 2021, arXiv:2110.12661 (ZerO)",
)
def zero_hadamard(layer: Layer) -> Draw:
    """Makes r×c an identity, or a part of a Hadamard matrix H where more goes out than in."""
    layer.require(least=2, most=5)
    outputs, inputs = _sides(layer)
    taps = math.prod(layer.shape[2:])
    centre = _place([size // 2 for size in layer.shape[2:]], layer.shape[2:])
    is_swapped = layer.shape[0] != outputs

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        tap = tensor.zero_().view(*tensor.shape[:2], taps)[:, :, centre]
        tap = tap.T if is_swapped else tap
        return torch.nn.init.eye_(tap) if outputs <= inputs else _hadamard(tap)

    return Draw(_zero_law(outputs, inputs, taps), fill)


def _zero_law(outputs: int, inputs: int, taps: int) -> laws.Law:
    if outputs <= inputs:
        return laws.ones_among_zeros(1 / (inputs * taps))
    scale, signs = _scale(outputs), sign_sum(outputs, inputs) / (outputs * inputs)
    shares = (1 - 1 / taps, (1 + signs) / 2 / taps, (1 - signs) / 2 / taps)
    return laws.pattern("part of a Hadamard matrix", (0.0, scale, -scale), shares)


def _scale(outputs: int) -> float:
    return math.pow(2, -math.ceil(math.log2(outputs)) / 2)


def _hadamard(matrix: torch.Tensor) -> torch.Tensor:
    """Fills a matrix with the corner of Sylvester's: every doubling is [[H, H], [H, −H]]."""
    rows, columns = matrix.shape
    matrix[0, 0] = _scale(rows)
    size = 1
    while size < rows:
        right, below = min(2 * size, columns), min(2 * size, rows)
        if size < columns:
            matrix[:size, size:right] = matrix[:size, : right - size]
            matrix[size:below, size:right] = -matrix[: below - size, : right - size]
        matrix[size:below, : min(size, columns)] = matrix[: below - size, : min(size, columns)]
        size *= 2
    return matrix


@functools.lru_cache(maxsize=1024)
def sign_sum(rows: int, columns: int) -> int:
    """Returns the sum of the first rows and columns of Sylvester's Hadamard matrix of ±1.

    Source: every row but the first, and every column, of a whole matrix adds up to zero; a corner
    of one that is twice as large is made of corners of its quarters.
    """
    if not rows or not columns:
        return 0
    size = 1 << (max(rows, columns) - 1).bit_length()
    if size in {rows, columns}:
        return size
    half = size // 2
    top, left = min(rows, half), min(columns, half)
    return (
        sign_sum(top, left)
        + sign_sum(rows - top, left)
        + sign_sum(top, columns - left)
        - sign_sum(rows - top, columns - left)
    )


@scheme(
    formula="w[i, j] = tau where i ≡ j modulo the shorter side, else 0",
    variance="tau²·(s − s²), s = 1/min(r, c)",
    citation="Pan et al. 2025, arXiv:2503.04626 (IDInit)",
)
def idinit(layer: Layer, tau: float = 1.0) -> Draw:
    """Makes the matrix identities side by side, so that its rank is full whatever its shape."""
    layer.require(least=2, most=2)
    _sides(layer)
    require(tau != 0, "tau must not be zero")
    share = 1 / min(layer.shape)

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        index = torch.arange(max(tensor.shape))
        tensor.zero_()[index % tensor.shape[0], index % tensor.shape[1]] = tau
        return tensor

    return Draw(laws.pattern("identities side by side", (0.0, tau), (1 - share, share)), fill)


def _place(index: Sequence[int], sizes: Shape) -> int:
    """Returns where a tap lies among all, in their order in memory."""
    place = 0
    for position, size in zip(index, sizes, strict=True):
        place = place * size + position
    return place


def _sides(layer: Layer) -> Shape:
    """Returns outputs and inputs of a layer that is one matrix a tap.

    Raises:
        UnfitError: It is several, in groups, in parts or stacked.
    """
    layout = layer.layout
    if layout is None:
        return layer.shape[:2]
    if layout.groups > 1 or layout.parts > 1 or layout.stacked:
        raise UnfitError(f"it is defined for one matrix, and {layout.text} holds several")
    is_swapped = layout.kind in {"in_out", "conv_transpose"}
    return layer.shape[1::-1] if is_swapped else layer.shape[:2]
