"""The user's file runs as it is, and each way it can fail is one clear error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from initcli.core.errors import FactoryError, InitcliError, MissingError, OptionError
from initcli.models.factory import build_module, is_factory

FILE = """
from __future__ import annotations
import sys
from dataclasses import dataclass
import torch
from torch import nn

@dataclass
class Sizes:
    wide: int = 3

def linear(inputs: int = 2, outputs: int = 3, name: str = "x", **rest: object) -> nn.Module:
    layer = nn.Linear(inputs, outputs)
    layer.name, layer.rest = name, rest
    return layer

def strict(inputs: int) -> nn.Module:
    return nn.Linear(inputs, Sizes().wide)

def fails() -> nn.Module:
    raise RuntimeError("too \\x1b[31mred")

def leaves() -> nn.Module:
    sys.exit(0)

def number() -> int:
    return 3

class Own(nn.Linear):
    def __init__(self, size: int = 2) -> None:
        super().__init__(size, size)

builtin = dict
constant = 3
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "model.py").write_text(FILE)
    return str(tmp_path / "model.py")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("model.py:build", True),
        ("dir/with:colon/model.py:build", True),
        ("model.py", False),
        ("model.py:", False),
        ("model.py:not a name", False),
        ("model.safetensors:build", False),
        ("s3://bucket/model.safetensors", False),
    ],
)
def test_a_factory_is_told_by_its_form(source: str, expected: bool) -> None:
    assert is_factory(source) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message", "hint"),
    [
        ("linar", [], FactoryError, "no function 'linar'", "did you mean linear"),
        ("zzz", [], FactoryError, "no function 'zzz'", "it defines"),
        ("constant", [], FactoryError, "no function 'constant'", "it defines"),
        ("builtin", [], FactoryError, "signature", ""),
        ("fails", [], FactoryError, r"RuntimeError: too \\x1b\[31mred", ""),
        ("leaves", [], FactoryError, "SystemExit: 0", ""),
        ("number", [], FactoryError, "returned int, not a torch.nn.Module", ""),
        ("linear", ["inputs=-1"], FactoryError, "RuntimeError", ""),
        ("linear", ["inputs"], OptionError, "must be name=value", ""),
        ("linear", ["1=2"], OptionError, "must be name=value", ""),
        ("linear", ["=2"], OptionError, "must be name=value", ""),
        ("strict", ["input=2"], OptionError, "--arg: missing", "did you mean inputs"),
        ("strict", [], OptionError, "--arg: missing", "its arguments: inputs"),
        ("number", ["x=1"], OptionError, "--arg: got an unexpected", "its arguments: none"),
    ],
)
def test_each_failure_says_what_and_what_to_do(
    name: str, arguments: list[str], error: type[InitcliError], message: str, hint: str, model: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        build_module(f"{model}:{name}", arguments)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def build(:\n", "SyntaxError"),
        ("import no_such_module_at_all\n", "ModuleNotFoundError"),
        ("raise SystemExit(1)\n", "SystemExit: 1"),
        ("\0", "null bytes"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_file_that_cannot_be_run_is_a_factory_error(text: str, message: str, model: str) -> None:
    Path(model).write_text(text)
    with pytest.raises(FactoryError, match=message):
        build_module(f"{model}:build")


@pytest.mark.parametrize("name", ["absent.py", "directory.py", f"{'a' * 300}.py", "a\0.py"])
def test_an_absent_file_is_missing(name: str, tmp_path: Path) -> None:
    (tmp_path / "directory.py").mkdir()
    with pytest.raises(MissingError, match="no such file"):
        build_module(f"{tmp_path / name}:build")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("(1, 2)", (1, 2)),
        ("None", None),
        ("relu", "relu"),
        ("a=b", "a=b"),
        ("", ""),
        ("'3'", "3"),
        ("{[]: 1}", "{[]: 1}"),
        ("__import__('os')", "__import__('os')"),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_an_argument_is_a_literal_or_else_text(text: str, value: object, model: str) -> None:
    module = build_module(f"{model}:linear", [f"name={text}", f"other={text}"])
    assert (module.name, module.rest) == (text, {"other": value})  # name is declared as str


def test_a_class_is_a_factory(model: str) -> None:
    assert build_module(f"{model}:Own", ["size=5"]).weight.shape == (5, 5)


@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_values_are_those_of_a_plain_construction_under_the_seed(seed: int, model: str) -> None:
    before = torch.get_rng_state()
    built = build_module(f"{model}:linear", seed=seed)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        plain = torch.nn.Linear(2, 3)
    assert torch.equal(built.weight, plain.weight)
    assert torch.equal(built.bias, plain.bias)


def test_on_the_meta_device_no_size_is_too_large(model: str) -> None:
    huge = build_module(f"{model}:linear", ["inputs=1000000", "outputs=1000000"], device="meta")
    assert huge.weight.is_meta
    assert huge.weight.shape == (1_000_000, 1_000_000)


def test_an_argument_is_given_once(model: str) -> None:
    with pytest.raises(OptionError, match="given twice"):
        build_module(f"{model}:linear", ["inputs=3", "inputs=4"])


def test_neighbours_are_found_but_shadow_nothing_installed(model: str) -> None:
    Path(model).with_name("neighbour_of_model.py").write_text("SIZE = 4\n")
    Path(model).with_name("torch.py").write_text("raise RuntimeError('planted')\n")
    Path(model).write_text(
        "from neighbour_of_model import SIZE\nimport torch\n"
        "def build():\n    return torch.nn.Linear(SIZE, SIZE)\n"
    )
    assert build_module(f"{model}:build").weight.shape == (4, 4)
    assert sys.path[0] != str(Path(model).parent)
