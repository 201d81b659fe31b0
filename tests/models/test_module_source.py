"""A module's names, ties, roles and bytes, and what the reference library makes of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, load_model
from torch import nn

import initcli
from initcli.core.dtypes import DTYPES
from initcli.core.errors import FactoryError, OptionError
from initcli.models.module_source import module_source
from initcli.models.open_source import open_source
from initcli.models.torch_bytes import chunks_of
from initcli.schemes.layer import Role

SAMPLES = Path(__file__).parents[2] / "sample_models"
FACTORIES = ["mlp", "convnet", "tiny_gpt"]


def sample(name: str) -> nn.Module:
    spec = importlib.util.spec_from_file_location(f"sample_{name}", SAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    built: nn.Module = getattr(module, name)()
    return built


def plain(name: str, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return sample(name)


def source_of(name: str) -> str:
    return f"{SAMPLES / name}.py:{name}"


def assert_equal_states(one: nn.Module, other: nn.Module) -> None:
    theirs = other.state_dict()
    assert one.state_dict().keys() == theirs.keys()
    for name, value in one.state_dict().items():
        assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("seed", [0, 3])
def test_a_written_module_loads_as_the_one_torch_constructs(
    name: str, seed: int, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    initcli.init(source_of(name), path, seed=seed)
    loaded = plain(name, seed + 1)
    load_model(loaded, path)
    assert_equal_states(loaded, plain(name, seed))


@pytest.mark.parametrize("name", FACTORIES)
def test_what_is_drawn_loads_too_and_the_rest_is_kept(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    initcli.init(source_of(name), path, seed=1, scheme="normal(std=0.5)")
    loaded, kept = plain(name, 9), dict(plain(name, 1).named_parameters())
    load_model(loaded, path)
    for key, value in loaded.named_parameters():
        assert torch.equal(value, kept[key]) == (value.dim() < 2), key


def test_a_tie_is_stored_once_and_declared_as_the_library_declares_it(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    initcli.init(source_of("tiny_gpt"), path)
    assert "head.weight" not in load_file(path)
    opened = open_source(str(path), [], seed=0, dtype=None, values=True)
    assert opened.ties == {"head.weight": "tok.weight"}


class Shared(nn.Module):
    """Two parameters over one storage, as `.data` assignments leave them."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4, bias=False)
        self.two = nn.Linear(4, 4, bias=False)
        self.two.weight = nn.Parameter(self.one.weight.data)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_parameters_over_one_storage_are_tied(device: str) -> None:
    with torch.device(device):
        assert module_source("m", Shared(), None).ties == {"two.weight": "one.weight"}


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_other_views_of_one_storage_and_empty_tensors_are_not_tied(device: str) -> None:
    module = nn.Module()
    base = torch.zeros(4, 4, device=device)
    for name, value in {
        "whole": base,
        "transposed": base.T,
        "first": base[:2],
        "last": base[2:],
        "none": torch.zeros(0, device=device),
        "none_either": torch.zeros(0, device=device),
    }.items():
        module.register_buffer(name, value)
    assert not module_source("m", module, None).ties


def test_shapes_are_the_same_on_the_meta_device() -> None:
    for name in FACTORIES:
        real, meta = (
            open_source(source_of(name), [], seed=0, dtype=None, values=values)
            for values in (True, False)
        )
        assert (meta.specs, meta.layers, meta.ties) == (real.specs, real.layers, real.ties)


def test_roles_come_from_module_types_whatever_the_names() -> None:
    module = nn.ModuleDict(
        {
            "a": nn.LayerNorm(3),
            "b": nn.BatchNorm2d(3),
            "c": nn.RMSNorm(3),
            "d": nn.Linear(3, 3),
            "conv": nn.Conv1d(3, 3, 3),
            "e": nn.Embedding(3, 3),
        }
    )
    module.register_buffer("mask", torch.zeros(3, 3))
    layers = module_source("m", module, None).layers
    assert {name: layer.role for name, layer in layers.items()} == {
        "a.weight": Role.NORMALISATION_WEIGHT,
        "a.bias": Role.NORMALISATION_BIAS,
        "b.weight": Role.NORMALISATION_WEIGHT,
        "b.bias": Role.NORMALISATION_BIAS,
        "b.running_mean": Role.OTHER,
        "b.running_var": Role.OTHER,
        "b.num_batches_tracked": Role.OTHER,
        "c.weight": Role.NORMALISATION_WEIGHT,
        "d.weight": Role.WEIGHT,
        "d.bias": Role.BIAS,
        "conv.weight": Role.WEIGHT,
        "conv.bias": Role.BIAS,
        "e.weight": Role.WEIGHT,
        "mask": Role.OTHER,
    }


class Extra(nn.Linear):
    def get_extra_state(self) -> object:
        return {"state": 1}


def holding(value: torch.Tensor, name: str = "w") -> nn.Module:
    module = nn.Module()
    module.register_buffer(name, value)
    return module


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Extra(2, 2), "dict"),
        (lambda: nn.LazyLinear(2), "lazy parameter"),
        (lambda: holding(torch.eye(2).to_sparse()), "sparse_coo"),
        (lambda: holding(torch.zeros(2, dtype=torch.complex128)), "complex128"),
        (lambda: holding(torch.zeros(2, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)), "float4"),
        (lambda: holding(torch.zeros(2), "__metadata__"), "a tensor of this name"),
        (lambda: holding(torch.zeros(2), "\ud800"), "a tensor of this name"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(
    build: Callable[[], nn.Module], message: str
) -> None:
    with pytest.raises(FactoryError, match=f"safetensors cannot store .*{message}"):
        module_source("m", build(), None)


def test_a_module_without_values_has_shapes_but_none_to_keep() -> None:
    opened = module_source("m", nn.Linear(2, 3, device="meta"), None)
    assert opened.specs["weight"].shape == (3, 2)
    with pytest.raises(FactoryError, match="meta device"):
        list(opened.chunks("weight"))


def test_a_dtype_is_for_floats_alone() -> None:
    opened = module_source("m", nn.BatchNorm1d(2), DTYPES["BF16"])
    assert {spec.dtype.code for spec in opened.specs.values()} == {"BF16", "I64"}
    assert len(b"".join(opened.chunks("weight"))) == 4


def test_arguments_for_a_checkpoint_are_refused() -> None:
    path = str(SAMPLES / "digits_mlp.safetensors")
    with pytest.raises(OptionError, match="--arg is for a factory"):
        open_source(path, ["x=1"], seed=0, dtype=None, values=True)


BASE = torch.arange(24, dtype=torch.float32).reshape(4, 6)


@pytest.mark.parametrize(
    "tensor",
    [
        BASE,
        BASE.T,
        BASE[:, ::2],
        BASE[1:2, :1],
        torch.zeros(2, 2)[:1, 0],
        torch.tensor(3.0),
        torch.zeros(0, 4),
        torch.ones(3).expand(2, 3),
        torch.tensor([1 + 2j, 3j]).conj(),
        torch.tensor([1 + 2j, 3j]).conj().imag,
        torch.tensor([1 + 2j]).conj().imag,
        nn.Parameter(torch.ones(2)),
        torch.tensor([True, False]),
    ],
    ids=lambda tensor: f"{tuple(tensor.shape)}{tensor.stride()}",
)
def test_bytes_are_those_of_the_values_whatever_the_layout(tensor: torch.Tensor) -> None:
    dtype = next(dtype for dtype in DTYPES.values() if f"torch.{dtype.torch}" == str(tensor.dtype))
    expected = tensor.detach().resolve_conj().resolve_neg().numpy().tobytes()
    assert b"".join(chunks_of(tensor, dtype)) == expected


def test_a_large_tensor_comes_in_chunks_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("initcli.models.torch_bytes.CHUNK_BYTES", 16)
    chunks = list(chunks_of(BASE, DTYPES["F16"]))
    assert [len(chunk) for chunk in chunks] == [16, 16, 16]
    assert b"".join(chunks) == BASE.half().numpy().tobytes()
