from __future__ import annotations

import pytest

from initcli.recipes.layers import layers_of
from initcli.schemes.layer import Role
from raw import spec

W, B, O = Role.WEIGHT, Role.BIAS, Role.OTHER  # noqa: E741 - as in a legend
NW, NB = Role.NORMALISATION_WEIGHT, Role.NORMALISATION_BIAS

MODELS = {
    "GPT-2": [
        ("wte.weight", (96, 8), "F32", W),
        ("wpe.weight", (16, 8), "F32", W),
        ("h.0.ln_1.weight", (8,), "F32", NW),
        ("h.0.ln_1.bias", (8,), "F32", NB),
        ("h.0.attn.bias", (1, 1, 16, 16), "F32", O),
        ("h.0.attn.masked_bias", (), "F32", O),
        ("h.0.attn.c_attn.weight", (8, 24), "F32", W),
        ("h.0.attn.c_attn.bias", (24,), "F32", B),
        ("ln_f.weight", (8,), "F32", NW),
        ("ln_f.bias", (8,), "F32", NB),
    ],
    "llama": [
        ("model.embed_tokens.weight", (96, 8), "BF16", W),
        ("model.layers.0.self_attn.q_proj.weight", (8, 8), "BF16", W),
        ("model.layers.0.self_attn.q_proj.bias", (8,), "BF16", B),
        ("model.layers.0.self_attn.q_norm.weight", (8,), "BF16", NW),
        ("model.layers.0.self_attn.rotary_emb.inv_freq", (4,), "F32", O),
        ("model.layers.0.input_layernorm.weight", (8,), "BF16", NW),
        ("model.norm.weight", (8,), "BF16", NW),
        ("lm_head.weight", (96, 8), "BF16", W),
    ],
    "BERT": [
        ("embeddings.position_ids", (1, 16), "I64", O),
        ("embeddings.LayerNorm.weight", (8,), "F32", NW),
        ("embeddings.LayerNorm.bias", (8,), "F32", NB),
        ("encoder.layer.0.output.LayerNorm.gamma", (8,), "F32", NW),
        ("encoder.layer.0.output.LayerNorm.beta", (8,), "F32", NB),
        ("encoder.layer.0.output.dense.weight", (8, 8), "F32", W),
        ("encoder.layer.0.output.dense.bias", (8,), "F32", B),
        ("cls.predictions.bias", (96,), "F32", B),
    ],
    "ResNet": [
        ("conv1.weight", (8, 3, 7, 7), "F32", W),
        ("bn1.weight", (8,), "F32", NW),
        ("bn1.bias", (8,), "F32", NB),
        ("bn1.running_mean", (8,), "F32", O),
        ("bn1.running_var", (8,), "F32", O),
        ("bn1.num_batches_tracked", (), "I64", O),
        ("layer1.0.downsample.0.weight", (8, 8, 1, 1), "F32", W),
        ("layer1.0.downsample.1.weight", (8,), "F32", NW),
        ("layer1.0.downsample.1.bias", (8,), "F32", NB),
        ("fc.weight", (10, 8), "F32", W),
        ("fc.bias", (10,), "F32", B),
    ],
    "LSTM": [
        ("rnn.weight_ih_l0", (16, 8), "F32", W),
        ("rnn.weight_hh_l0_reverse", (16, 4), "F32", W),
        ("rnn.bias_ih_l0", (16,), "F32", B),
        ("rnn.bias_hh_l0_reverse", (16,), "F32", B),
    ],
    "Swin and attention": [
        ("layers.0.attn.relative_position_bias_table", (169, 3), "F32", O),
        ("layers.0.attn.relative_position_index", (49, 49), "I64", O),
        ("layers.0.norm1.weight", (8,), "F32", NW),
        ("attn.in_proj_weight", (24, 8), "F32", W),
        ("attn.in_proj_bias", (24,), "F32", B),
    ],
    "a bare layer": [("weight", (4, 4), "F32", W), ("bias", (4,), "F32", B)],
    "a bare norm": [("weight", (4,), "F32", NW), ("bias", (4,), "F32", NB)],
    "a quantised layer": [("q.weight", (4, 4), "I8", O), ("q.bias", (4,), "F32", B)],
    "an fp8 layer": [("q.weight", (4, 4), "F8_E4M3", W), ("logit_scale", (), "F32", O)],
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_roles_follow_from_names_and_shapes(
    model: list[tuple[str, tuple[int, ...], str, Role]],
) -> None:
    specs = {name: spec(name, *shape, code=code) for name, shape, code, _ in model}
    assert {name: layer.role for name, layer in layers_of(specs).items()} == {
        name: role for name, _, _, role in model
    }


@pytest.mark.parametrize(("beside", "expected"), [((8, 24), "in_out"), ((24, 8), None)])
def test_a_square_weight_lies_as_those_beside_it(
    beside: tuple[int, int], expected: str | None
) -> None:
    shapes = {"c_proj": ((8, 8), 8), "c_fused": (beside, 24)}
    specs = {
        f"h.0.Attn.{name}.{last}": spec(f"h.0.Attn.{name}.{last}", *shape)
        for name, (weight, outputs) in shapes.items()
        for last, shape in (("weight", weight), ("bias", (outputs,)))
    }
    layers = layers_of(specs)
    for last in ("weight", "bias"):
        layout = layers[f"h.0.Attn.c_proj.{last}"].layout
        assert (layout.kind if layout else None) == expected
