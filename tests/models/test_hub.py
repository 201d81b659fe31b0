"""A Hugging Face configuration is built as transformers builds it, with no values in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

import initcli
from initcli.core.errors import FactoryError, InitcliError, OptionError, UnknownFormatError
from initcli.models.hub import config_of
from initcli.models.module_source import ModuleSource, module_source
from initcli.models.open_source import open_source
from initcli.schemes.layer import Role

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 50,
}
DECODER = {**TINY, "num_key_value_heads": 1, "bos_token_id": 1, "eos_token_id": 2}
PICTURE = {**TINY, "image_size": 8, "patch_size": 4}
TEXT = {**TINY, "max_position_embeddings": 20, "bos_token_id": 1, "eos_token_id": 2}
GPT2 = {
    "n_embd": 16,
    "n_layer": 2,
    "n_head": 2,
    "vocab_size": 50,
    "n_positions": 20,
    "bos_token_id": 1,
    "eos_token_id": 1,
}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2, "vocab_size": 50}
MODELS: Mapping[str, tuple[str, str, Mapping[str, object]]] = {
    "gpt2": ("gpt2", "GPT2LMHeadModel", GPT2),
    "llama": ("llama", "LlamaForCausalLM", {**DECODER, "dtype": "bfloat16"}),
    "llama tied": ("llama", "LlamaForCausalLM", {**DECODER, "tie_word_embeddings": True}),
    "mixtral": ("mixtral", "MixtralForCausalLM", {**DECODER, "num_local_experts": 3}),
    "gpt-oss": ("gpt_oss", "GptOssForCausalLM", {**DECODER, "num_local_experts": 3, "head_dim": 8}),
    "t5": ("t5", "T5ForConditionalGeneration", T5),
    "bert": ("bert", "BertForMaskedLM", TEXT),
    "vit": ("vit", "ViTForImageClassification", PICTURE),
    "mamba": ("mamba", "MambaForCausalLM", {**TINY, "state_size": 4}),
    "clip": ("clip", "CLIPModel", {"text_config": TEXT, "vision_config": PICTURE}),
    "resnet": (
        "resnet",
        "ResNetForImageClassification",
        {"embedding_size": 8, "hidden_sizes": [8, 8], "depths": [1, 1]},
    ),
}


def write(directory: Path, said: Mapping[str, object]) -> Path:
    path = directory / "config.json"
    path.write_text(json.dumps(said))
    return path


def written(model: str, directory: Path, **more: object) -> Path:
    kind, architecture, sizes = MODELS[model]
    said = {"model_type": kind, "architectures": [architecture], **sizes, **more}
    return write(directory, said)


def opened(path: Path, seed: int = 0) -> ModuleSource:
    source = open_source(str(path), [], seed=seed, dtype=None, values=True)
    assert isinstance(source, ModuleSource)
    return source


def built(path: Path) -> Any:  # noqa: ANN401 - a model of transformers
    kind = getattr(transformers, json.loads(path.read_text())["architectures"][0])
    config = kind.config_class.from_pretrained(path, local_files_only=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind._from_config(config)  # noqa: SLF001 - what from_pretrained calls


@pytest.mark.parametrize("model", MODELS)
def test_everything_but_values_is_that_of_the_built_model(model: str, tmp_path: Path) -> None:
    path = written(model, tmp_path)
    source, real = opened(path), module_source("m", built(path), None)
    assert list(source.specs.items()) == list(real.specs.items())
    assert (source.ties, source.layers) == (real.ties, real.layers)
    assert source.config == json.loads(path.read_text())


@pytest.mark.parametrize("model", MODELS)
def test_kept_values_are_those_that_the_models_code_gives(model: str, tmp_path: Path) -> None:
    """Fixed values are equal, drawn ones of one spread: six standard errors for 10⁻⁹ each."""
    path = written(model, tmp_path)
    source, state = opened(path), built(path).state_dict()
    for name, spec in source.specs.items():
        value = source.values[name]
        kept = source.remade(name) if value.is_meta and source.remade else value.detach()
        assert (kept.dtype, kept.shape) == (state[name].dtype, state[name].shape)
        if spec.parameters < 64 or not spec.dtype.is_float or not state[name].float().std():
            is_drawn = spec.dtype.is_float and len(state[name].unique()) > 1
            assert is_drawn or torch.equal(kept, state[name]), name
            continue
        ratio = float(kept.double().std() / state[name].double().std())
        assert abs(ratio - 1) < 6 / spec.parameters**0.5, name


@pytest.mark.parametrize("model", ["gpt2", "llama", "mixtral", "bert", "vit", "mamba"])
def test_what_is_written_loads(model: str, tmp_path: Path) -> None:
    path = written(model, tmp_path)
    initcli.init(path, tmp_path / "model.safetensors", seed=1)
    kind = getattr(transformers, MODELS[model][1])
    _, told = kind.from_pretrained(tmp_path, output_loading_info=True, local_files_only=True)
    assert not any(told.values())


def test_a_recipe_draws_a_configuration(tmp_path: Path) -> None:
    path = written("gpt2", tmp_path, initializer_range=0.5)
    initcli.init(path, tmp_path / "model.safetensors", recipe="gpt2")
    model = transformers.GPT2LMHeadModel.from_pretrained(tmp_path, local_files_only=True)
    assert model.transformer.h[0].attn.c_attn.weight.std().item() == pytest.approx(0.5, rel=0.1)
    assert model.transformer.h[0].mlp.c_proj.weight.std().item() == pytest.approx(0.25, rel=0.1)
    assert model.lm_head.weight is model.transformer.wte.weight


def test_a_directory_without_weights_is_its_configuration(tmp_path: Path) -> None:
    written("llama", tmp_path)
    assert config_of(str(tmp_path)) == tmp_path / "config.json"
    (tmp_path / "training_args.bin").touch()
    assert config_of(str(tmp_path)) == tmp_path / "config.json"


@pytest.mark.parametrize(
    "names",
    [
        ("pytorch_model.bin",),
        ("model.onnx",),
        ("model.gguf",),
        ("tf_model.h5",),
        ("flax_model.msgpack",),
        ("model.safetensors.index.json",),
        (".metadata", "__0_0.distcp"),
    ],
)
def test_a_directory_with_weights_of_any_format_is_no_configuration(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    written("llama", tmp_path)
    for name in names:
        (tmp_path / name).touch()
    assert config_of(str(tmp_path)) is None


def test_the_same_seed_gives_the_same_values_in_any_order(tmp_path: Path) -> None:
    path = written("vit", tmp_path)
    names = list(opened(path).specs)
    one, other = opened(path, 3), opened(path, 3)
    forwards = {name: b"".join(one.chunks(name)) for name in names}
    backwards = {name: b"".join(other.chunks(name)) for name in reversed(names)}
    assert forwards == backwards
    name = "vit.embeddings.patch_embeddings.projection.weight"
    assert b"".join(opened(path, 4).chunks(name)) != forwards[name]
    assert one.values[name].is_meta


def test_a_dtype_is_the_configurations_unless_given(tmp_path: Path) -> None:
    path = written("llama", tmp_path)
    assert {spec.dtype.code for spec in opened(path).specs.values()} == {"BF16"}
    initcli.init(path, tmp_path / "m.safetensors", dtype="float32", scheme="zeros")
    assert {value.dtype for value in load_file(tmp_path / "m.safetensors").values()} == {
        torch.float32
    }


def test_layers_are_told_by_the_classes_of_transformers(tmp_path: Path) -> None:
    for model, name, layout in [
        ("gpt2", "transformer.h.0.attn.c_attn.weight", "in_out(parts=3)"),
        ("mixtral", "model.layers.0.mlp.experts.gate_up_proj", "linear(parts=2, stacked=1)"),
        ("mixtral", "model.layers.0.mlp.experts.down_proj", "linear(stacked=1)"),
        ("gpt-oss", "model.layers.0.mlp.experts.gate_up_proj", "in_out(parts=2, stacked=1)"),
        ("gpt-oss", "model.layers.0.mlp.experts.down_proj", "in_out(stacked=1)"),
    ]:
        found = opened(written(model, tmp_path)).layers[name].layout
        assert found is not None
        assert found.text == layout
    layers = opened(written("gpt-oss", tmp_path)).layers
    assert layers["model.layers.0.mlp.experts.down_proj_bias"].role is Role.BIAS


@pytest.mark.parametrize(
    ("said", "error", "message", "hint"),
    [
        ({}, UnknownFormatError, "no model_type", ""),
        ({"model_type": "lama"}, UnknownFormatError, "no model_type 'lama'", "did you mean llama"),
        (
            {"model_type": "zzzzz", "auto_map": {"AutoModel": "modeling.Own"}},
            UnknownFormatError,
            "no model_type 'zzzzz'",
            "never run",
        ),
        (
            {"model_type": "gpt2", "architectures": ["Nothing"]},
            UnknownFormatError,
            "no architecture 'Nothing'",
            "",
        ),
        (
            {"model_type": "gpt2", "architectures": ["pipeline"]},
            UnknownFormatError,
            "no architecture 'pipeline'",
            "",
        ),
        (
            {"model_type": "gpt2", "architectures": ["BertModel"]},
            UnknownFormatError,
            "BertModel is not built from a GPT2Config",
            "",
        ),
        ({"model_type": "gpt2", "n_embd": "wide"}, FactoryError, "n_embd", ""),
        ({"model_type": "gpt2", "n_embd": 15, "n_head": 2}, FactoryError, "15", ""),
    ],
)
def test_what_cannot_be_built_is_told(
    said: Mapping[str, object],
    error: type[InitcliError],
    message: str,
    hint: str,
    tmp_path: Path,
) -> None:
    path = write(tmp_path, said)
    with pytest.raises(error, match=message) as caught:
        opened(path)
    assert hint in caught.value.hint


def test_without_transformers_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("gpt2", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(OptionError, match="needs transformers") as caught:
        opened(path)
    assert "initcli[hf]" in caught.value.hint


def test_a_checkpoint_is_held_against_the_names_that_its_library_stores(tmp_path: Path) -> None:
    """Of Mixtral the module holds experts in one tensor each, and its files one by one."""
    config = transformers.MixtralConfig(
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        num_local_experts=2,
        vocab_size=32,
        architectures=["MixtralForCausalLM"],
    )
    transformers.MixtralForCausalLM(config).save_pretrained(tmp_path / "weights")
    config.save_pretrained(tmp_path / "bare")
    report = initcli.stats(tmp_path / "weights", model=str(tmp_path / "bare"))
    assert not [each for each in report.findings if each.code.startswith("IC30")]
