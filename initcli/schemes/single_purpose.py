"""Schemes for one kind of tensor each: biases, adapters, sine layers, positions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from initcli.schemes import fills
from initcli.schemes import law as laws
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw, per_tensor, scheme
from initcli.schemes.require import require
from initcli.schemes.variance_scaling import variance_scaling

if TYPE_CHECKING:
    import torch

    from initcli.schemes.law import Array

_LORA = "Hu et al. 2021, arXiv:2106.09685; peft/tuners/lora/layer.py"
_GATES = 4


@scheme(
    formula="U(±√(6/fan_in)/omega), first layer U(±1/fan_in)",
    variance="2/(fan_in·omega²), first layer 1/(3·fan_in²)",
    citation="Sitzmann et al. 2020, arXiv:2006.09661; vsitzmann/siren modules.py",
)
def siren(layer: Layer, omega: float = 30.0, first: bool = False) -> Draw:
    """Keeps the distribution of signals under sin(omega·x)."""
    require(omega > 0, "omega must be positive")
    fan = layer.fans("layer").fan_in
    bound = 1 / fan if first else math.sqrt(6 / fan) / omega
    return fills.uniform(-bound, bound)


@scheme(formula="U(±1/√fan_in)", variance="1/(3·fan_in)", citation=_LORA)
def lora_a(layer: Layer) -> Draw:
    """Draws the half of an adapter that reads, as PEFT does: kaiming_uniform(a=√5)."""
    return variance_scaling(layer, 1 / 3, "fan_in", "uniform")


@scheme(formula="0", variance="0", citation=_LORA)
def lora_b(layer: Layer) -> Draw:
    """Closes the half of an adapter that writes, so that training begins at the base model."""
    return fills.constant(0.0)


@scheme(formula="N(0, 1/r²)", variance="1/r²", citation=_LORA)
def lora_gaussian(layer: Layer, r: float = per_tensor("fan_out")) -> Draw:
    """Draws the half of an adapter that reads, of rank r, as PEFT's init_lora_weights=gaussian."""
    require(r > 0, "r must be positive")
    return fills.normal(0.0, 1 / r)


@scheme(
    formula="−ln((1 − p)/p)",
    variance="0",
    citation="Lin et al. 2017, arXiv:1708.02002; torchvision/models/detection/retinanet.py",
)
def prior_bias(layer: Layer, p: float = 0.01) -> Draw:
    """Makes a sigmoid say p before anything is learnt."""
    require(0 < p < 1, "p must lie between 0 and 1")
    return fills.constant(-math.log((1 - p) / p))


@scheme(
    formula="forget in the second quarter, else 0; all 0 in a bias_hh",
    variance="3/16·forget²",
    citation="Jozefowicz et al. 2015, ICML; Gers et al. 2000",
)
def lstm_bias(layer: Layer, forget: float = 1.0) -> Draw:
    """Opens the forget gate; gates lie as i, f, g, o, and torch adds a bias_hh to the bias_ih."""
    layer.require(least=1, most=1)
    (size,) = layer.shape
    if size % _GATES:
        raise UnfitError(f"{size} values do not divide into {_GATES} gates")
    if layer.parameter.startswith("bias_hh") or not forget:
        return fills.constant(0.0)
    units = size // _GATES

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        tensor.zero_()[units : 2 * units] = forget
        return tensor

    return Draw(laws.pattern("zeros but a forget gate", (0.0, forget), (0.75, 0.25)), fill)


@scheme(
    formula="sin(t·f) in the first half of the columns, cos(t·f) in the second; "
    "f = timescale^(−i/(D/2 − 1)), D = size(1)",
    variance="near 1/2 − mean²",
    citation="Vaswani et al. 2017, arXiv:1706.03762; transformers/models/whisper",
)
def sinusoid(layer: Layer, timescale: float = 10000.0) -> Draw:
    """Gives every position t, a row, its place on waves of geometric lengths, as Whisper does."""
    layer.require(least=2, most=2)
    require(timescale > 1, "timescale must be more than 1")
    rows, columns = layer.shape
    if columns % 2 or columns <= 2:  # noqa: PLR2004 - a pair has no second wave to be spaced from
        raise UnfitError(f"it needs an even number of columns above 2, this tensor has {columns}")

    if rows * columns > _MOST_POSITIONS:
        raise UnfitError(f"{rows * columns:,} values are more than positions of a model take")

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        return tensor.copy_(torch.from_numpy(_waves(rows, columns // 2, timescale)))

    law = laws.pattern("sinusoid", _waves(rows, columns // 2, timescale).ravel())
    # A frequency off by its last bit, as of another library, is off by rows times that at last.
    return Draw(replace(law, slack=rows * _EPSILON), fill)


_EPSILON = 2.0**-23
# Each value counts for the law: some ten times the largest of Whisper's.
_MOST_POSITIONS = 1 << 24


def _waves(rows: int, waves: int, timescale: float) -> Array:
    """Returns rows × 2·waves sines and cosines in float32, in which the angles are rounded too.

    Worked out by torch as Whisper does: at late positions the last place of a frequency tells.
    """
    import torch

    frequency = torch.exp(-math.log(timescale) / (waves - 1) * torch.arange(waves))
    angle = torch.arange(rows)[:, None] * frequency
    values: Array = torch.cat([angle.sin(), angle.cos()], dim=1).numpy()
    return values
