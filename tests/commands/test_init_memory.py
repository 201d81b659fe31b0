"""A factory's module takes memory only where its own values are kept, or where it must."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

import initcli

FACTORY = """
import torch
from torch import nn

def layer(bias: bool = False, reads: bool = False) -> nn.Module:
    built = nn.Linear(4, 4, bias=bias)
    print(built.weight.device)
    if reads:
        float(built.weight.sum())
    return built
"""


@pytest.mark.parametrize(
    ("arguments", "scheme", "devices"),
    [
        ([], "zeros", ["meta"]),
        (["bias=true"], "zeros", ["meta", "cpu"]),
        (["reads=true"], "zeros", ["meta", "cpu"]),
        ([], None, ["cpu"]),
    ],
)
def test_a_module_takes_memory_only_for_what_is_kept(
    arguments: list[str],
    scheme: str | None,
    devices: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (tmp_path / "model.py").write_text(FACTORY)
    output = tmp_path / "m.safetensors"
    initcli.init(f"{tmp_path / 'model.py'}:layer", output, scheme=scheme, arguments=arguments)
    assert capsys.readouterr().err.split() == devices
    assert bool(load_file(output)["weight"].any()) == (scheme is None)
