"""Which of a checkpoint's names a Hugging Face configuration declares to be one tensor.

The names are those of `_tied_weights_keys` in transformers 5, which ties them where the
configuration says `tie_word_embeddings`, if both are stored only where they are equal.
Source: https://github.com/huggingface/transformers/blob/v5.0.0/src/transformers/modeling_utils.py
(`tie_weights`), and `models/*/modeling_*.py` there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

# An output embedding or its bias, and what it is tied to, at the top of a model or in a part of it.
_PAIRS = (
    ("lm_head.weight", "model.embed_tokens.weight"),  # Llama and its kin
    ("lm_head.weight", "model.language_model.embed_tokens.weight"),  # models of several modes
    ("lm_head.weight", "model.text_model.embed_tokens.weight"),  # likewise
    ("lm_head.weight", "model.decoder.embed_tokens.weight"),  # OPT
    ("lm_head.weight", "transformer.wte.weight"),  # GPT-2
    ("lm_head.weight", "transformer.word_embeddings.weight"),  # BLOOM, Falcon
    ("lm_head.weight", "backbone.embeddings.weight"),  # Mamba
    ("lm_head.weight", "shared.weight"),  # T5
    ("lm_head.weight", "model.shared.weight"),  # BART
    ("encoder.embed_tokens.weight", "shared.weight"),  # T5, BART
    ("decoder.embed_tokens.weight", "shared.weight"),  # likewise
    ("proj_out.weight", "model.decoder.embed_tokens.weight"),  # Whisper
    ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
    ("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ("lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"),
    ("lm_head.decoder.bias", "lm_head.bias"),
)
_ENDINGS = tuple(alias for alias, _ in _PAIRS)
_KEY = "tie_word_embeddings"


def are_embeddings_tied(config: Mapping[str, object]) -> bool:
    """Whether a configuration says in so many words that output and input embeddings are one.

    What it says of the whole model counts before what it says of its text part.
    """
    text = config.get("text_config")
    said = config.get(_KEY, text.get(_KEY) if isinstance(text, dict) else None)
    return said is True


def tied_embeddings(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields the pairs of names that are one tensor in a model with tied embeddings.

    Args:
        names: What is stored, to be asked for single names.
    """
    for name in (each for each in names if each.endswith(_ENDINGS)):
        for alias, stored in _PAIRS:
            twin = name.removesuffix(alias) + stored
            if (name == alias or name.endswith(f".{alias}")) and twin in names:
                yield name, twin
