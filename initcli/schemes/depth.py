"""Schemes that grow smaller with the depth or width of a network, mostly on residual branches.

Depth is taken from the names of the tensors or the model's configuration, unless it is given.
"""

from __future__ import annotations

import math
from typing import Literal

from initcli.schemes import fills
from initcli.schemes.layer import Layer, UnfitError
from initcli.schemes.registry import Draw, per_tensor, scheme
from initcli.schemes.require import require
from initcli.schemes.variance_scaling import variance_scaling

Stack = Literal["alone", "encoder", "decoder"]
Part = Literal["encoder", "decoder", "embedding"]


@scheme(
    formula="N(0, 2/(5·d_model))",
    variance="2/(5·d_model)",
    citation="Nguyen & Salazar 2019, arXiv:1910.05895",
)
def small_init(layer: Layer, d_model: float = per_tensor("d_model")) -> Draw:
    """Draws every matrix of a transformer as glorot would the widest, d_model to 4·d_model."""
    require(d_model > 0, "d_model must be positive")
    return fills.normal(0.0, math.sqrt(2 / (5 * d_model)))


@scheme(
    formula="N(0, 4/(n_layer²·d_model))",
    variance="4/(n_layer²·d_model)",
    citation="Wang & Komatsuzaki 2021, GPT-J; gpt-neox/megatron/model/init_functions.py",
)
def wang_init(
    layer: Layer,
    d_model: float = per_tensor("d_model"),
    n_layer: float = per_tensor("n_layer"),
) -> Draw:
    """Draws the projections that end residual branches, smaller with depth."""
    require(d_model > 0, "d_model must be positive")
    require(n_layer > 0, "n_layer must be positive")
    return fills.normal(0.0, 2 / n_layer / math.sqrt(d_model))


@scheme(
    formula="N(0, std²/(per_layer·n_layer))",
    variance="std²/(per_layer·n_layer)",
    citation="Radford et al. 2019, GPT-2; megatron/core/utils.py",
)
def scaled_normal(
    layer: Layer,
    std: float = 0.02,
    n_layer: float = per_tensor("n_layer"),
    per_layer: float = 2.0,
) -> Draw:
    """Draws the projections that end residual branches, of which a layer has per_layer."""
    require(std >= 0, "std must not be negative")
    require(n_layer > 0, "n_layer must be positive")
    require(per_layer > 0, "per_layer must be positive")
    return fills.normal(0.0, std / math.sqrt(per_layer * n_layer))


@scheme(
    formula="N(0, std²/(per_layer·(block + 1))), block counted from 0",
    variance="std²/(per_layer·(block + 1))",
    citation="torchtitan/models/common/param_init.py (depth_scaled_std)",
)
def depth_scaled_normal(
    layer: Layer, std: float = 0.02, block: float = per_tensor("layer"), per_layer: float = 2.0
) -> Draw:
    """Draws the projections that end the residual branches of a block, smaller the later it is."""
    require(std >= 0, "std must not be negative")
    require(block >= 0, "block must not be negative")
    require(per_layer > 0, "per_layer must be positive")
    return fills.normal(0.0, std / math.sqrt(per_layer * (block + 1)))


@scheme(
    formula="xavier_normal with gain β: alone (8·n_layer)^−¼, decoder (12·n_layer)^−¼, "
    "encoder 0.87·(n_layer⁴·n_decoder)^(−1/16)",
    variance="2β²/(fan_in + fan_out)",
    citation="Wang et al. 2022, arXiv:2203.00555, figure 2",
)
def deepnorm(
    layer: Layer,
    stack: Stack = "alone",
    n_layer: float = per_tensor("n_layer"),
    n_decoder: float = 0.0,
) -> Draw:
    """Draws feed-forward, value and output projections; query and key are xavier_normal."""
    require(n_layer > 0, "n_layer must be positive")
    require(stack != "encoder" or n_decoder > 0, "an encoder needs n_decoder, which is positive")
    gain = {
        "alone": (8 * n_layer) ** -0.25,
        "decoder": (12 * n_layer) ** -0.25,
        "encoder": 0.87 * (n_layer**4 * max(n_decoder, 1)) ** (-1 / 16),
    }[stack]
    return variance_scaling(layer, gain**2, "fan_avg", "untruncated_normal")


@scheme(
    formula="encoder, decoder: xavier_uniform with gain 0.67·n_layer^−¼, (9·n_layer)^−¼; "
    "embedding: N(0, 1/d)·(9·n_layer)^−¼, d = size(1)",
    variance="2·gain²/(fan_in + fan_out); embedding gain²/d",
    citation="Huang et al. 2020, ICML (T-Fixup)",
)
def t_fixup(layer: Layer, part: Part = "encoder", n_layer: float = per_tensor("n_layer")) -> Draw:
    """Draws value, output and feed-forward matrices, or embeddings; the rest is xavier_uniform."""
    require(n_layer > 0, "n_layer must be positive")
    gain = 0.67 * n_layer**-0.25 if part == "encoder" else (9 * n_layer) ** -0.25
    if part == "embedding":
        layer.require(least=2, most=2)
        return fills.normal(0.0, gain / math.sqrt(layer.shape[1]))
    return variance_scaling(layer, gain**2, "fan_avg", "uniform")


@scheme(
    formula="N(0, 2/fan_out)·n_block^(−1/(2·per_block − 2))",
    variance="2/fan_out·n_block^(−1/(per_block − 1))",
    citation="Zhang et al. 2019, arXiv:1901.09321; hongyi-zhang/Fixup",
)
def fixup(layer: Layer, n_block: float, per_block: float = 2.0) -> Draw:
    """Draws all but the last of a residual branch's per_block layers; the last is zero."""
    require(n_block > 0, "n_block must be positive")
    require(per_block > 1, "per_block must be 2 or more: the last layer of a branch is zero")
    scale = 2 * n_block ** (-1 / (per_block - 1))
    return variance_scaling(layer, scale, "fan_out", "untruncated_normal")


@scheme(
    formula="0",
    variance="0",
    citation="Bachlechner et al. 2020, arXiv:2003.04887; De & Smith 2020, arXiv:2002.10444",
    aliases=("skipinit",),
)
def rezero(layer: Layer) -> Draw:
    """Closes a residual branch by the factor it ends with, ReZero's and SkipInit's alike."""
    return fills.constant(0.0)


@scheme(
    formula="value",
    variance="0",
    citation="Touvron et al. 2021, arXiv:2103.17239; timm/layers/layer_scale.py",
)
def layer_scale(layer: Layer, value: float = 1e-5) -> Draw:
    """Opens a residual branch a little; ConvNeXt takes 1e-6."""
    return fills.constant(value)


@scheme(
    formula="N(0, std²·base/fan_in)",
    variance="std²·base/fan_in",
    citation="Yang et al. 2022, arXiv:2203.03466; mup/init.py",
)
def mup_normal(layer: Layer, base: float, std: float = 1.0) -> Draw:
    """Draws matrices that grow both ways as the base model's, of fan_in base, would be at std."""
    return fills.normal(0.0, std * _narrowing(layer, base, std))


@scheme(
    formula="U(±bound·√(base/fan_in))",
    variance="bound²/3·base/fan_in",
    citation="Yang et al. 2022, arXiv:2203.03466; mup/init.py",
)
def mup_uniform(layer: Layer, base: float, bound: float = 1.0) -> Draw:
    """Draws matrices that grow both ways as the base model's, of fan_in base, would be at bound."""
    scaled = bound * _narrowing(layer, base, bound)
    return fills.uniform(-scaled, scaled)


def _narrowing(layer: Layer, base: float, spread: float) -> float:
    """Returns m^−½ for a width m times the base's.

    What has fewer than two sizes that grow is no business of these schemes: mup leaves it as it is.
    """
    require(base > 0, "base must be positive")
    require(spread >= 0, "std and bound must not be negative")
    if layer.layout is not None and layer.layout.kind == "embedding":
        raise UnfitError("only one side of an embedding grows with width: mup leaves it as it is")
    return math.sqrt(base / layer.fans("layer").fan_in)
