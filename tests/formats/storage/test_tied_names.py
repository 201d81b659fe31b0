"""The names that tied embeddings go by are those that transformers ties."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from initcli.formats.storage.tied_names import are_embeddings_tied, tied_embeddings

SMALL = {"vocab_size": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
WIDTHS = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
BOTH = {
    **{f"{half}_{key}": 2 for half in ("encoder", "decoder") for key in ("layers", "ffn_dim")},
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2),
    "d_model": 8,
}
MODELS: dict[str, dict[str, Any]] = {
    "LlamaForCausalLM": {**WIDTHS, "intermediate_size": 8},
    "GPT2LMHeadModel": {"n_embd": 8, "n_layer": 1, "n_head": 2},
    "OPTForCausalLM": {**WIDTHS, "word_embed_proj_dim": 8, "ffn_dim": 8},
    "BloomForCausalLM": {"hidden_size": 8, "n_layer": 1, "n_head": 2},
    "FalconForCausalLM": WIDTHS,
    "MambaForCausalLM": {"hidden_size": 8, "num_hidden_layers": 1},
    "T5ForConditionalGeneration": {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1},
    "BartForConditionalGeneration": BOTH,
    "WhisperForConditionalGeneration": BOTH,
    "BertForMaskedLM": {**WIDTHS, "intermediate_size": 8},
    "RobertaForMaskedLM": {**WIDTHS, "intermediate_size": 8},
}


@pytest.mark.parametrize("architecture", MODELS)
def test_the_pairs_are_those_of_transformers(architecture: str) -> None:
    kind = getattr(transformers, architecture)
    config = kind.config_class(**SMALL, **MODELS[architecture], tie_word_embeddings=True)
    with torch.device("meta"):
        model = kind(config)
    assert are_embeddings_tied(config.to_dict())
    assert model.all_tied_weights_keys
    assert dict(tied_embeddings(model.state_dict())) == model.all_tied_weights_keys


def test_a_part_of_a_model_has_its_own_pair() -> None:
    names = {"text.lm_head.weight", "text.model.embed_tokens.weight", "lm_head.weight"}
    pair = ("text.lm_head.weight", "text.model.embed_tokens.weight")
    assert list(tied_embeddings(names)) == [pair]


def test_a_name_that_only_ends_alike_is_no_head() -> None:
    assert not list(tied_embeddings({"my_lm_head.weight", "my_model.embed_tokens.weight"}))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"tie_word_embeddings": True}, True),
        ({"tie_word_embeddings": False}, False),
        ({}, False),
        ({"tie_word_embeddings": "yes"}, False),
        ({"text_config": {"tie_word_embeddings": True}}, True),
        ({"text_config": {"tie_word_embeddings": False}}, False),
        ({"tie_word_embeddings": False, "text_config": {"tie_word_embeddings": True}}, False),
        ({"tie_word_embeddings": True, "text_config": {"tie_word_embeddings": False}}, True),
        ({"text_config": ["tie_word_embeddings"]}, False),
    ],
)
def test_a_configuration_must_say_so(config: dict[str, object], *, expected: bool) -> None:
    assert are_embeddings_tied(config) is expected
