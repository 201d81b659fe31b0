"""Models of transformers from configurations, and what trains them a little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .networks import SYMBOLS, digits, text

BATCH, CONTEXT = 8, 32
Loss = Callable[[nn.Module, torch.Generator], torch.Tensor]
WIDTHS = {"tiny": 64, "small": 256}
TRAINED = 128


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model.

    Attributes:
        recipe: The built-in recipe that should explain it.
        architecture: The class of transformers.
        config: Its configuration's class.
        options: Of the configuration, given a width.
        loss: What trains it; None where it is not trained here.
        rate: Of learning; more where weights are drawn large.
    """

    recipe: str
    architecture: str
    config: str
    options: Callable[[int], dict[str, Any]]
    loss: Loss | None = None
    rate: float = 2e-3

    def build(self, width: int, seed: int) -> nn.Module:
        """Returns a model as transformers initialises it."""
        import transformers

        transformers.utils.logging.disable_progress_bar()
        torch.manual_seed(seed)
        config = getattr(transformers, self.config)(**self.options(width))
        return getattr(transformers, self.architecture)(config).train()

    def save(self, model: nn.Module, folder: Path) -> None:
        """Writes a model as users do, with its configuration."""
        model.save_pretrained(folder)  # type: ignore[operator]


def _characters(generator: torch.Generator) -> torch.Tensor:
    starts = torch.randint(len(text()) - CONTEXT, (BATCH, 1), generator=generator)
    return text()[starts + torch.arange(CONTEXT)]


def predict(model: nn.Module, generator: torch.Generator) -> torch.Tensor:
    """Returns the loss of characters that the model is to tell."""
    run = _characters(generator)
    return model(input_ids=run, labels=run).loss


def classify(model: nn.Module, generator: torch.Generator) -> torch.Tensor:
    """Returns the loss of digits, enlarged to colour images of 32×32."""
    images, shown = digits()
    chosen = torch.randint(len(images), (4 * BATCH,), generator=generator)
    large = F.interpolate(images[chosen].view(-1, 1, 8, 8), scale_factor=4).expand(-1, 3, -1, -1)
    return F.cross_entropy(model(pixel_values=large).logits, shown[chosen])


def _blocks(width: int, **more: object) -> dict[str, Any]:
    usual = {
        "vocab_size": SYMBOLS,
        "hidden_size": width,
        "intermediate_size": 3 * width,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
    }
    return {**usual, **more}


def _gpt2(width: int) -> dict[str, Any]:
    sizes = {"vocab_size": SYMBOLS, "n_embd": width, "n_layer": 3, "n_head": 4}
    return {**sizes, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0}


def _t5(width: int) -> dict[str, Any]:
    sizes = {"d_model": width, "d_kv": width // 4, "d_ff": 2 * width, "num_layers": 3}
    return {**sizes, "num_heads": 4, "vocab_size": SYMBOLS, "decoder_start_token_id": 0}


def _vit(width: int) -> dict[str, Any]:
    images = {"image_size": 32, "patch_size": 8, "num_labels": 10}
    sizes = {"hidden_size": width, "intermediate_size": 3 * width, "num_hidden_layers": 3}
    return {**images, **sizes, "num_attention_heads": 4}


def _mamba(width: int) -> dict[str, Any]:
    return {"vocab_size": SYMBOLS, "hidden_size": width, "state_size": 16, "num_hidden_layers": 3}


def _whisper(width: int) -> dict[str, Any]:
    sides = ("encoder", "decoder")
    depth = {f"{side}_layers": 2 for side in sides}
    heads = {f"{side}_attention_heads": 4 for side in sides}
    inner = {f"{side}_ffn_dim": 2 * width for side in sides}
    lengths = {"max_source_positions": 60, "max_target_positions": 60, "num_mel_bins": 20}
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    return {"vocab_size": 500, "d_model": width, **depth, **heads, **inner, **lengths, **special}


def _clip(width: int) -> dict[str, Any]:
    sizes = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 2}
    both = {**sizes, "num_attention_heads": 4}
    return {
        "text_config": {**both, "vocab_size": 500, "max_position_embeddings": 32},
        "vision_config": {**both, "image_size": 32, "patch_size": 8},
        "projection_dim": width,
    }


def _convnext(width: int) -> dict[str, Any]:
    widths = [width // 4, width // 2, width, width]
    return {"hidden_sizes": widths, "depths": [1, 1, 2, 1], "image_size": 32, "num_labels": 10}


def _swin(width: int) -> dict[str, Any]:
    stages = {"embed_dim": width // 2, "depths": [1, 2], "num_heads": [2, 4]}
    return {**stages, "image_size": 32, "patch_size": 4, "window_size": 4, "num_labels": 10}


def _mixtral(width: int) -> dict[str, Any]:
    return _blocks(width, num_key_value_heads=2, num_local_experts=4)


KINDS: Mapping[str, Kind] = {
    "gpt2": Kind("gpt2", "GPT2LMHeadModel", "GPT2Config", _gpt2, predict),
    "llama": Kind("llama", "LlamaForCausalLM", "LlamaConfig", _blocks, predict),
    "bert": Kind("bert", "BertForMaskedLM", "BertConfig", _blocks, predict),
    "t5": Kind("t5", "T5ForConditionalGeneration", "T5Config", _t5, predict, 2e-2),
    "vit": Kind("vit_hf", "ViTForImageClassification", "ViTConfig", _vit, classify),
    "mamba": Kind("mamba", "MambaForCausalLM", "MambaConfig", _mamba, predict, 1e-2),
    "mixtral": Kind("mixtral", "MixtralForCausalLM", "MixtralConfig", _mixtral),
    "whisper": Kind("whisper", "WhisperForConditionalGeneration", "WhisperConfig", _whisper),
    "clip": Kind("clip", "CLIPModel", "CLIPConfig", _clip),
    "convnext": Kind("convnext", "ConvNextForImageClassification", "ConvNextConfig", _convnext),
    "swin": Kind("swin", "SwinForImageClassification", "SwinConfig", _swin),
}
