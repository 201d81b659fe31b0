"""What a Mamba block draws otherwise than a linear layer.

Source: state-spaces/mamba, mamba_ssm/modules/mamba_simple.py; Gu & Dao 2023, arXiv:2312.00752.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from initcli.schemes import fills, special_law
from initcli.schemes import law as laws
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw, Grain, scheme
from initcli.schemes.require import require
from initcli.schemes.variance_scaling import variance_scaling

if TYPE_CHECKING:
    import torch

_MAMBA = "mamba_ssm/modules/mamba_simple.py"
_SOFTPLUS_IS_EXP = 80.0


_MOST_STATES = 1 << 16


@scheme(
    formula="w[i, j] = ln(j + 1), j counted from 0",
    variance="that of ln 1 … ln N, N = size(1)",
    citation=_MAMBA,
)
def mamba_a_log(layer: Layer) -> Draw:
    """Gives every channel the decays 1 … N of S4D-Real, as logarithms."""
    layer.require(least=2, most=2)
    states = layer.shape[1]
    if states > _MOST_STATES:
        raise UnfitError(f"{states:,} columns are no states of a model")

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        return tensor.copy_(torch.arange(1, states + 1, dtype=torch.float32).log())

    return Draw(laws.pattern("ln 1 … ln N", [math.log(n) for n in range(1, states + 1)]), fill)


@scheme(formula="1", variance="0", citation=_MAMBA)
def mamba_d(layer: Layer) -> Draw:
    """Passes every channel past its state space as it is."""
    return fills.constant(1.0)


@scheme(
    formula="softplus⁻¹(max(dt_floor, exp(U[ln dt_min, ln dt_max))))",
    variance="by quadrature: 1.7966 at the defaults, about the mean −4.5944",
    citation=_MAMBA,
)
def mamba_dt_bias(
    layer: Layer, dt_min: float = 1e-3, dt_max: float = 0.1, dt_floor: float = 1e-4
) -> Draw:
    """Spreads the time steps, which softplus makes of this bias, evenly over their decades."""
    require(0 < dt_min < dt_max, "dt_min must be positive and less than dt_max")
    require(dt_floor < dt_max, "dt_floor must be less than dt_max")
    require(dt_max < _SOFTPLUS_IS_EXP, f"dt_max must be less than {_SOFTPLUS_IS_EXP:g}")
    start, stop = math.log(dt_min), math.log(dt_max)

    def fill(tensor: torch.Tensor, generator: torch.Generator) -> object:
        import torch

        step = tensor.uniform_(start, stop, generator=generator).exp_().clamp_(min=dt_floor)
        return step.add_(torch.log(-torch.expm1(-step)))

    law = special_law.inverse_softplus_of_log_uniform(dt_min, dt_max, dt_floor)
    return Draw(law, fill, Grain.STREAM)


@scheme(formula="U(±1/√fan_in)", variance="1/(3·fan_in)", citation=_MAMBA)
def mamba_dt_proj(layer: Layer) -> Draw:
    """Keeps the variance that a time step has at its low rank, which is fan_in."""
    return variance_scaling(layer, 1 / 3, "fan_in", "uniform")
