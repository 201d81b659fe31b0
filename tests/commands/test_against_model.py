"""A checkpoint's names and shapes are held against those of its model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import initcli
from initcli.reports.stats import StatsReport
from reported import found

# A tie, a buffer that is saved, and one that is not.
FACTORY = """
import torch
class Net(torch.nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.embed = torch.nn.Embedding(6, width)
        self.norm = torch.nn.BatchNorm1d(width)
        self.head = torch.nn.Linear(width, 6, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("mask", torch.ones(3), persistent=False)
def net(width=4):
    return Net(width)
"""
STATE = {
    "embed.weight": torch.zeros(6, 4),
    "norm.weight": torch.ones(4),
    "norm.bias": torch.zeros(4),
    "norm.running_mean": torch.zeros(4),
    "norm.running_var": torch.ones(4),
    "norm.num_batches_tracked": torch.tensor(0),
}
MODEL_CODES = {"IC306", "IC307", "IC308", "IC309"}


def beside(directory: Path, state: Mapping[str, torch.Tensor], **options: object) -> StatsReport:
    """Lists a state dict beside the model: names and shapes are told without values."""
    (directory / "net.py").write_text(FACTORY)
    path = directory / "model.safetensors"
    save_file(dict(state), path)
    listing = {"columns": "name", "detail": False, **options}
    return initcli.stats(path, model=f"{directory / 'net.py'}:net", **listing)  # type: ignore[arg-type]


def codes(report: StatsReport) -> dict[str, set[str]]:
    return {code: set(told) for code in sorted(MODEL_CODES) if (told := found(report, code))}


HEAD = {"head.weight": STATE["embed.weight"].clone()}
UNTIED = {name: value for name, value in STATE.items() if name != "embed.weight"}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (STATE, {}),
        (STATE | HEAD, {}),
        (UNTIED | HEAD, {}),
        (UNTIED, {"IC306": {"embed.weight"}}),
        (STATE | {"mask": torch.ones(3)}, {"IC307": {"mask"}}),
        (STATE | {"norm.bias": torch.zeros(5)}, {"IC308": {"norm.bias"}}),
        (UNTIED | {"head.weight": torch.zeros(4, 6)}, {"IC308": {"head.weight"}}),
        ({f"module.{name}": value for name, value in STATE.items()}, {"IC309": {""}}),
        (
            {f"module.{name}": value for name, value in (UNTIED | {"x": torch.ones(1)}).items()},
            {"IC306": {"embed.weight"}, "IC307": {"module.x"}, "IC309": {""}},
        ),
        (
            {name.removeprefix("norm."): value for name, value in UNTIED.items()},
            {"IC306": {"embed.weight"}, "IC309": {""}},
        ),
    ],
)
def test_what_departs_is_named_and_nothing_else(
    state: dict[str, torch.Tensor], expected: dict[str, set[str]], tmp_path: Path
) -> None:
    report = beside(tmp_path, state)
    assert codes(report) == expected
    assert report.passed is not bool(expected)
    assert not report.has_values


def test_torch_agrees_on_what_is_missing_and_unexpected(tmp_path: Path) -> None:
    state = UNTIED | {"x": torch.ones(1), "norm.bias2": torch.ones(2)}
    report = beside(tmp_path, state)
    namespace: dict[str, object] = {}
    exec(FACTORY, namespace)  # noqa: S102 - the factory above
    module = namespace["net"]()  # type: ignore[operator]
    missing, unexpected = module.load_state_dict(state, strict=False)
    # torch names a tied tensor by each of its names.
    assert set(missing) == set(found(report, "IC306")) | {"head.weight"}
    assert set(unexpected) == set(found(report, "IC307"))


def test_an_alias_in_the_metadata_is_a_name_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FACTORY)
    path = tmp_path / "model.safetensors"
    state = UNTIED | {"other.weight": torch.zeros(6, 4)}
    save_file(state, path, {"embed.weight": "other.weight"})
    report = initcli.stats(path, model=f"{tmp_path / 'net.py'}:net")
    assert codes(report) == {"IC307": {"other.weight"}}


def test_only_what_is_asked_about_is_held_against_the_model(tmp_path: Path) -> None:
    state = UNTIED | {"norm.bias": torch.zeros(5), "x": torch.ones(1)}
    assert codes(beside(tmp_path, state, select="norm.*")) == {"IC308": {"norm.bias"}}
    assert codes(beside(tmp_path, state, exclude="norm.*")) == {
        "IC306": {"embed.weight"},
        "IC307": {"x"},
    }


def test_without_a_model_nothing_is_missing(tmp_path: Path) -> None:
    save_file(UNTIED, tmp_path / "model.safetensors")
    assert codes(initcli.stats(tmp_path / "model.safetensors")) == {}


TINY = {"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 20, "n_positions": 12}


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    """A GPT-2 as transformers saves it, and its configuration in a directory apart."""
    config = transformers.GPT2Config(**TINY, bos_token_id=1, eos_token_id=1)
    model = transformers.GPT2LMHeadModel(config)
    model.save_pretrained(tmp_path / "saved")
    (tmp_path / "config").mkdir()
    text = (tmp_path / "saved" / "config.json").read_text()
    (tmp_path / "config" / "config.json").write_text(text)
    return tmp_path / "saved" / "model.safetensors"


def test_what_transformers_saves_is_its_model(gpt2: Path, tmp_path: Path) -> None:
    report = initcli.stats(gpt2, model=str(tmp_path / "config"), strict=True, fail_on="warning")
    assert codes(report) == {}
    assert found(report, "IC304") == {}


def test_a_model_saved_without_its_head_differs_by_a_prefix_only(
    gpt2: Path, tmp_path: Path
) -> None:
    state = {name.removeprefix("transformer."): value for name, value in load_file(gpt2).items()}
    save_file(state, gpt2)
    report = initcli.stats(gpt2, model=str(tmp_path / "config"))
    every = len(state)
    told = f"0 of {every} names are the model's, and with the prefix 'transformer.' {every} are"
    assert found(report, "IC309") == {"": told}
    assert codes(report) == {"IC309": {""}}


def test_another_width_is_found_tensor_by_tensor(gpt2: Path, tmp_path: Path) -> None:
    config = json.loads((tmp_path / "config" / "config.json").read_text())
    (tmp_path / "config" / "config.json").write_text(json.dumps(config | {"vocab_size": 21}))
    report = initcli.stats(gpt2, model=str(tmp_path / "config"))
    assert found(report, "IC308") == {"transformer.wte.weight": "20×8, where the model has 21×8"}
    assert codes(report).keys() == {"IC308"}
