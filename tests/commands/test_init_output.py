"""What init draws is the same in every form of output, by any number of workers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import initcli
from initcli.core.errors import InitcliError
from initcli.core.progress import SILENT
from initcli.formats.detect import open_checkpoint

State = dict[str, torch.Tensor]


def loaded(path: Path) -> State:
    if path.suffix in {".pt", ".pth"}:
        state: State = torch.load(path, weights_only=True)
        return state
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    return {name: value for file in files for name, value in load_file(file).items()}


@pytest.mark.parametrize("scheme", ["kaiming_normal", "orthogonal", "trunc_normal(std=0.02)"])
@pytest.mark.parametrize(
    ("name", "jobs", "limit"),
    [
        ("w.safetensors", 4, None),
        ("w.pt", 1, None),
        ("w.pth", 3, None),
        ("w", 1, "100KB"),
        ("w", 4, 1000),
        ("w", 2, "1GiB"),
    ],
)
def test_values_do_not_depend_on_form_jobs_or_shards(
    name: str, jobs: int, limit: str | int | None, scheme: str, samples: Path, tmp_path: Path
) -> None:
    factory, one, other = f"{samples}/tiny_gpt.py:tiny_gpt", tmp_path / "1.safetensors", name
    first = initcli.init(factory, one, scheme=scheme, jobs=1)
    second = initcli.init(
        factory, tmp_path / other, scheme=scheme, jobs=jobs, max_shard_size=limit, progress=SILENT
    )
    assert second.rows == first.rows
    expected, found = loaded(one), loaded(tmp_path / other)
    for key, value in expected.items():
        assert torch.equal(found[key], value)


def test_a_state_dict_keeps_the_modules_order_and_ties(tmp_path: Path) -> None:
    (tmp_path / "tied.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))\n"
        "    model[1].weight = model[0].weight\n"
        "    return model\n"
    )
    initcli.init(f"{tmp_path}/tied.py:build", tmp_path / "w.pt", scheme="normal")
    state = loaded(tmp_path / "w.pt")
    assert list(state) == [f"{layer}.{what}" for layer in range(3) for what in ("weight", "bias")]
    assert state["1.weight"].data_ptr() == state["0.weight"].data_ptr()


def test_ties_outlive_every_form(tmp_path: Path) -> None:
    (tmp_path / "tied.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))\n"
        "    model[1].weight = model[0].weight\n"
        "    return model\n"
    )
    shards, alike, one = tmp_path / "shards", tmp_path / "alike", tmp_path / "one.safetensors"
    initcli.init(f"{tmp_path}/tied.py:build", shards, scheme="normal", max_shard_size=1)
    initcli.init(shards, alike, scheme="zeros", select="*.bias")
    initcli.init(alike, one, scheme="zeros", select="*.bias")
    for path in (shards, alike, one):
        assert open_checkpoint(path).ties == {"1.weight": "0.weight"}


@pytest.mark.parametrize(
    ("options", "code"), [({"jobs": 0}, "E101"), ({"max_shard_size": "5 apples"}, "E101")]
)
def test_what_means_nothing_is_refused_before_a_model_is_built(
    options: dict[str, object], code: str, tmp_path: Path
) -> None:
    with pytest.raises(InitcliError) as caught:
        initcli.init("absent.py:build", tmp_path / "w", scheme="normal", **options)  # type: ignore[arg-type]
    assert caught.value.code == code
