"""Models that libraries define, small, as the library initialises them, and saved as it saves them.

Sizes keep every weight large enough that a factor of 1.3 lies many standard errors off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vision import vision

SEED = 20_261_124


def built(name: str) -> tuple[nn.Module, dict[str, object]]:
    """Builds the model of a name from its library's own draws, and its configuration."""
    torch.manual_seed(SEED)
    model = MODELS[name]()
    return model, model.config.to_dict() if hasattr(model, "save_pretrained") else {}


def saved(name: str, directory: Path) -> Path:
    """Saves the model of a name in a directory, as its library does."""
    directory.mkdir(exist_ok=True)
    model, _ = built(name)
    path = directory / "model.safetensors"
    if hasattr(model, "save_pretrained"):
        model.save_pretrained(directory)
    else:
        save_file({key: each.contiguous() for key, each in model.state_dict().items()}, path)
    return path


def transformers_model(model: str, config: str, **settings: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        library = pytest.importorskip("transformers")
        return getattr(library, model)(getattr(library, config)(**settings))

    return build


def torchvision_model(name: str, **settings: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        library = vision("torchvision")
        return getattr(library.models, name)(**settings)

    return build


def timm_vit(**settings: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        timm = vision("timm")
        sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 2}
        return timm.models.VisionTransformer(**sizes, num_classes=80, **settings)

    return build


class TitanBlock(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.attention = nn.Module()
        for name in ("wq", "wk", "wv", "wo"):
            setattr(self.attention, name, nn.Linear(dim, dim, bias=False))
        self.feed_forward = nn.Module()
        self.feed_forward.w1 = nn.Linear(dim, hidden, bias=False)
        self.feed_forward.w2 = nn.Linear(hidden, dim, bias=False)
        self.feed_forward.w3 = nn.Linear(dim, hidden, bias=False)
        self.attention_norm, self.ffn_norm = nn.RMSNorm(dim), nn.RMSNorm(dim)


class Titan(nn.Module):
    """Llama 3 as torchtitan names and draws it in make_decoder_param_init; it computes nothing."""

    def __init__(self, dim: int = 64, layers: int = 3, vocabulary: int = 256) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(vocabulary, dim)
        self.layers = nn.ModuleDict({str(each): TitanBlock(dim, 4 * dim) for each in range(layers)})
        self.norm = nn.RMSNorm(dim)
        self.output = nn.Linear(dim, vocabulary, bias=False)
        for name, parameter in self.named_parameters():
            if "norm" not in name:
                nn.init.trunc_normal_(parameter, std=0.02)
        for number, block in self.layers.items():
            forward = block.feed_forward
            for each in (block.attention.wo, forward.w2, forward.w3):
                nn.init.trunc_normal_(each.weight, std=0.02 / (2 * (int(number) + 1)) ** 0.5)
        nn.init.normal_(self.tok_embeddings.weight)
        std = dim**-0.5
        nn.init.trunc_normal_(self.output.weight, std=std, a=-3 * std, b=3 * std)


class DiTBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn, self.mlp = nn.Module(), nn.Module()
        self.attn.qkv, self.attn.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))


class DiT(nn.Module):
    """DiT as facebookresearch/DiT names and draws it in initialize_weights; it computes nothing."""

    def __init__(self, width: int = 64, depth: int = 2, patch: int = 4, channels: int = 4) -> None:
        super().__init__()
        self.x_embedder, self.t_embedder, self.y_embedder = nn.Module(), nn.Module(), nn.Module()
        self.x_embedder.proj = nn.Conv2d(channels, width, patch, patch)
        self.t_embedder.mlp = nn.Sequential(
            nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.y_embedder.embedding_table = nn.Embedding(101, width)
        self.pos_embed = nn.Parameter(torch.linspace(-1, 1, 64 * width).view(1, 64, width))
        self.blocks = nn.ModuleList([DiTBlock(width) for _ in range(depth)])
        self.final_layer = nn.Module()
        self.final_layer.linear = nn.Linear(width, patch * patch * 2 * channels)
        self.final_layer.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self._draw()

    def _draw(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        patches = self.x_embedder.proj
        nn.init.xavier_uniform_(patches.weight.data.view(patches.weight.shape[0], -1))
        nn.init.zeros_(patches.bias)
        for normal in (self.y_embedder.embedding_table, *self.t_embedder.mlp[::2]):
            nn.init.normal_(normal.weight, std=0.02)
        modulations = [each.adaLN_modulation[1] for each in (*self.blocks, self.final_layer)]
        for closed in (*modulations, self.final_layer.linear):
            nn.init.zeros_(closed.weight)


def generator_of_images(width: int = 16, latent: int = 32) -> nn.Module:
    """DCGAN's generator as pytorch/examples builds and draws it (weights_init)."""
    layers: list[nn.Module] = []
    sizes = [latent, 8 * width, 4 * width, 2 * width, width, 3]
    for inputs, outputs in pairwise(sizes):
        layers += [nn.ConvTranspose2d(inputs, outputs, 4, bias=False)]
        layers += [nn.BatchNorm2d(outputs), nn.ReLU()] if outputs > len("rgb") else []
    model = nn.Module()
    model.main = nn.Sequential(*layers)
    for each in layers:
        if isinstance(each, nn.ConvTranspose2d):
            nn.init.normal_(each.weight, 0.0, 0.02)
        elif isinstance(each, nn.BatchNorm2d):
            nn.init.normal_(each.weight, 1.0, 0.02)
            nn.init.zeros_(each.bias)
    return model


def sine_network(width: int = 96, hidden: int = 2, omega: float = 30.0) -> nn.Module:
    """A SIREN as vsitzmann/siren names and draws it (sine_init, first_layer_sine_init)."""
    sizes = [(2, width), *[(width, width)] * hidden, (width, 3)]
    layers = [nn.Linear(*each) for each in sizes]
    for number, each in enumerate(layers):
        inputs = each.weight.shape[1]
        bound = math.sqrt(6 / inputs) / omega if number else 1 / inputs
        nn.init.uniform_(each.weight, -bound, bound)
    model = nn.Module()
    model.net = nn.Module()
    model.net.net = nn.Sequential(*(nn.Sequential(each) for each in layers))
    return model


def plain_layers() -> nn.Module:
    """Modules of many kinds as torch itself draws them."""
    layers = {
        "fc": nn.Linear(64, 96),
        "conv": nn.Conv2d(16, 32, 3, groups=4),
        "embedding": nn.Embedding(200, 48),
        "norm": nn.LayerNorm(64),
        "bn": nn.BatchNorm2d(32),
        "rnn": nn.LSTM(32, 48),
        "attention": nn.MultiheadAttention(48, 4, bias=False),
        "head": nn.Linear(96, 80, bias=False),
    }
    return nn.ModuleDict(layers)


_TEXT = {
    "vocab_size": 300,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 160,
}
_KEYS = {"num_key_value_heads": 2, "max_position_embeddings": 64}
_VISION = {**_TEXT, "image_size": 32, "patch_size": 8}
_VISION.pop("vocab_size")
_T5 = {"vocab_size": 300, "d_model": 64, "d_kv": 24, "d_ff": 128, "num_heads": 4, "num_layers": 2}
_WHISPER = {
    "vocab_size": 300,
    "pad_token_id": 299,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "max_source_positions": 50,
    "max_target_positions": 64,
}
_MAMBA = {"vocab_size": 300, "hidden_size": 96, "num_hidden_layers": 3, "state_size": 16}
_RESNET = {"num_classes": 80}

MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "gpt2": transformers_model(
        "GPT2LMHeadModel", "GPT2Config", vocab_size=300, n_embd=64, n_layer=3, n_head=4
    ),
    "gpt2 of another spread": transformers_model(
        "GPT2Model", "GPT2Config", n_embd=64, n_layer=2, n_head=4, initializer_range=0.05
    ),
    "llama": transformers_model("LlamaForCausalLM", "LlamaConfig", **_TEXT, **_KEYS),
    "llama with a padding token": transformers_model(
        "LlamaModel", "LlamaConfig", **_TEXT, **_KEYS, attention_bias=True, pad_token_id=7
    ),
    "mixtral": transformers_model(
        "MixtralForCausalLM", "MixtralConfig", **_TEXT, **_KEYS, num_local_experts=4
    ),
    "bert": transformers_model("BertForPreTraining", "BertConfig", **_TEXT),
    "t5": transformers_model("T5ForConditionalGeneration", "T5Config", **_T5),
    "t5 gated, untied": transformers_model(
        "T5ForConditionalGeneration",
        "T5Config",
        **_T5,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        initializer_factor=0.5,
    ),
    "vit_hf": transformers_model("ViTForImageClassification", "ViTConfig", **_VISION),
    "vit_hf with masks": transformers_model(
        "ViTForMaskedImageModeling", "ViTConfig", **_VISION, encoder_stride=8
    ),
    "clip": transformers_model(
        "CLIPModel",
        "CLIPConfig",
        text_config={**_TEXT, "initializer_factor": 1.5},
        vision_config={**_VISION, "hidden_size": 96, "num_hidden_layers": 3},
        projection_dim=48,
    ),
    "whisper": transformers_model("WhisperForConditionalGeneration", "WhisperConfig", **_WHISPER),
    "mamba": transformers_model("MambaForCausalLM", "MambaConfig", **_MAMBA),
    "mamba rescaled": transformers_model(
        "MambaForCausalLM", "MambaConfig", **_MAMBA, rescale_prenorm_residual=True
    ),
    "resnet": torchvision_model("resnet18", **_RESNET),
    "resnet of groups": torchvision_model("resnext50_32x4d", **_RESNET),
    "convnext": torchvision_model("convnext_tiny", num_classes=80),
    "swin": torchvision_model("swin_t", num_classes=80),
    "swin version 2": torchvision_model("swin_v2_t", num_classes=80),
    "vit_timm": timm_vit(),
    "vit_timm with scales": timm_vit(init_values=1e-5, reg_tokens=4),
    "torchtitan_llama3": Titan,
    "dit": DiT,
    "dcgan": generator_of_images,
    "siren": sine_network,
    "torch_default": plain_layers,
}


def recipe_of(name: str) -> str:
    """Returns the recipe that draws the model of a name: its first word."""
    return name.partition(" ")[0]


def scaled(path: Path, tensor: str, factor: float, target: Path) -> Path:
    """Copies a file with one tensor multiplied, and says where to."""
    from safetensors.torch import load_file

    tensors = load_file(path)
    tensors[tensor] = tensors[tensor] * factor
    save_file(tensors, target)
    return target


def values_of(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)
