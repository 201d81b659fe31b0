"""A model's numbers are the same, bit for bit, in whichever of PyTorch's forms it is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from initcli.commands.compare import compare
from initcli.commands.init import init
from initcli.commands.stats import stats
from initcli.reports.tensor_row import TensorRow
from shell import Run
from torch_files import CODES, saved

pytestmark = pytest.mark.filterwarnings("ignore")
State = dict[str, torch.Tensor]
Wrap = Callable[[State], object]

ADAM = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": []}
WRAPS: dict[str, Wrap] = {
    "flat": lambda state: state,
    "wrapped": lambda state: {"state_dict": state, "optimizer": ADAM, "epoch": 3},
    "turned": lambda state: {name: each.T.contiguous().T for name, each in state.items()},
    "views": lambda state: {name: _within(each) for name, each in state.items()},
}
FORMS = [(wrap, layout) for wrap in WRAPS for layout in ("archive", "legacy")]
# PyTorch has what safetensors has, but for values that share a byte and complex doubles.
DTYPES = sorted(set(CODES) - {"complex128", "float4_e2m1fn_x2"})


def _within(value: torch.Tensor) -> torch.Tensor:
    """Returns an equal view of a larger storage, with a gap between rows."""
    if not value.dim():
        return value
    larger = torch.zeros((*value.shape[:-1], value.shape[-1] + 2), dtype=value.dtype)
    # Not every dtype can be assigned to a part of a tensor; every one has its bytes.
    flat, width = larger.view(torch.uint8), value.element_size()
    flat[..., width : width * (value.shape[-1] + 1)] = value.view(torch.uint8)
    return larger[..., 1:-1]


@st.composite
def state_dict(draw: st.DrawFn) -> State:
    state: State = {}
    for number in range(draw(st.integers(1, 5))):
        dtype = getattr(torch, draw(st.sampled_from(DTYPES)))
        shape = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
        seed = draw(st.integers(0, 99))
        values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 3
        is_signed = dtype.is_signed or dtype.is_floating_point
        state[f"layers.{number}.weight"] = (values if is_signed else values.abs()).to(dtype)
    return state


def rows_of(path: Path) -> list[TensorRow]:
    report = stats(path, hashes=True, rows=True, spectrum=True, jobs=1)
    rows = sorted((replace(row, checkpoint="") for row in report.rows), key=lambda row: row.name)
    assert all(row.hash for row in rows)
    return rows


@settings(max_examples=25)
@given(state=state_dict(), form=st.sampled_from(FORMS))
def test_statistics_are_those_of_safetensors(state: State, form: tuple[str, str]) -> None:
    wrap, layout = form
    with TemporaryDirectory() as directory:
        one, other = Path(directory) / "w.safetensors", Path(directory) / "w.pt"
        save_file(state, one)
        saved(other, WRAPS[wrap](state), layout)
        assert rows_of(one) == rows_of(other)
        report = compare(one, other, rtol=0, atol=0, jobs=1)
        assert report.passed
        assert {row.status for row in report.rows} == {"identical"}


@pytest.fixture
def state() -> State:
    generator = torch.Generator().manual_seed(1)
    return {
        "embed.weight": torch.randn(40, 30, generator=generator),
        "fc.weight": torch.randn(300, 1000, generator=generator).to(torch.bfloat16),
        "fc.bias": torch.randn(300, generator=generator).half(),
    }


@pytest.mark.parametrize("layout", ["archive", "legacy"])
def test_the_command_prints_the_same_numbers(
    layout: str, state: State, run: Run, tmp_path: Path
) -> None:
    save_file(state, tmp_path / "w.safetensors")
    saved(tmp_path / "w.pt", WRAPS["wrapped"](state), layout)
    documents = []
    for name in ("w.safetensors", "w.pt"):
        ended = run("stats", name, "--format", "json", "--hash", "--rows")
        assert ended.returncode == 0
        document = json.loads(ended.stdout)
        rows = sorted(document["tensors"], key=lambda row: str(row["name"]))
        documents.append([{**row, "checkpoint": ""} for row in rows])
    assert documents[0] == documents[1]
    ended = run("compare", "w.pt", "w.safetensors", "--rtol", "0", "--atol", "0")
    assert ended.returncode == 0
    assert "3 identical" in ended.stdout


def test_an_optimizer_is_left_out_and_shown_on_request(
    state: State, run: Run, tmp_path: Path
) -> None:
    saved(tmp_path / "w.pt", WRAPS["wrapped"](state))
    without, with_it = (run("stats", "w.pt", "--columns", "name", *more) for more in ((), OPTION))
    assert "left out: 1 tensor of an optimizer's state" in without.stderr
    assert "exp_avg" not in without.stdout
    assert "optimizer.state.0.exp_avg" in with_it.stdout
    assert "left out" not in with_it.stderr
    save_file(state, tmp_path / "w.safetensors")
    assert run("compare", "w.pt", "w.safetensors").returncode == 0
    more = run("compare", "w.pt", "w.safetensors", *OPTION)
    assert more.returncode == 1
    assert "optimizer.state.0.exp_avg" in more.stdout


OPTION = ("--include-optimizer",)


@pytest.mark.parametrize("kind", ["embed.weight", "head.weight"])
def test_ties_are_one_tensor_in_either_format(kind: str, state: State, tmp_path: Path) -> None:
    other = "head.weight" if kind == "embed.weight" else "embed.weight"
    tied = {**state, "head.weight": state["embed.weight"]}
    saved(tmp_path / "w.pt", tied)
    assert "tied: head.weight is embed.weight" in stats(tmp_path / "w.pt").notes
    kept = {name: each for name, each in tied.items() if name != other}
    save_file(kept, tmp_path / "w.safetensors", metadata={other: kind})
    report = compare(tmp_path / "w.pt", tmp_path / "w.safetensors", rtol=0, atol=0)
    assert report.passed
    assert {row.status for row in report.rows} == {"identical"}


@pytest.mark.parametrize("output", ["w.safetensors", "w.pt"])
@pytest.mark.parametrize("layout", ["archive", "legacy"])
def test_init_takes_either_as_its_source(
    layout: str, output: str, state: State, tmp_path: Path
) -> None:
    tied = {**state, "head.weight": state["embed.weight"], "turned": state["fc.weight"].T}
    source = saved(tmp_path / "source.pt", WRAPS["wrapped"](tied), layout)
    report = init(source, tmp_path / output, scheme="normal", select=["fc.bias"], seed=1)
    assert "left out: 1 tensor of an optimizer's state, which --include-optimizer shows" in (
        report.notes
    )
    held: State = (
        torch.load(tmp_path / output, weights_only=True)
        if output.endswith(".pt")
        else load_file(tmp_path / output)
    )
    for name in ("embed.weight", "fc.weight", "turned"):
        assert torch.equal(held[name], tied[name])
    assert not torch.equal(held["fc.bias"], tied["fc.bias"])
    changed = compare(source, tmp_path / output, rtol=0, atol=0)
    statuses = {row.name: row.status for row in changed.rows}
    assert statuses.pop("fc.bias") == "changed"
    assert set(statuses.values()) == {"identical"}


def test_init_of_shards_writes_shards_that_tell_their_format(tmp_path: Path) -> None:
    source, shared = tmp_path / "source", torch.randn(3, 2)
    source.mkdir()
    shards = {
        "pytorch_model-00001-of-00002.bin": {"a.weight": shared, "b.weight": shared},
        "pytorch_model-00002-of-00002.bin": {"c.weight": torch.randn(4)},
    }
    for name, state in shards.items():
        saved(source / name, state)
    weight_map = {name: shard for shard, state in shards.items() for name in state}
    index = {"metadata": {"total_size": 40}, "weight_map": weight_map}
    (source / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    init(source, tmp_path / "made", scheme="normal", select=["c.weight"])
    names = {path.name for path in (tmp_path / "made").iterdir()}
    assert names == {
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    }
    report = compare(source, tmp_path / "made", rtol=0, atol=0)
    assert {row.name: row.status for row in report.rows} == {
        "a.weight": "identical",
        "c.weight": "changed",
    }


def test_complex_doubles_are_listed_and_told_apart(run: Run, tmp_path: Path) -> None:
    value = torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex128)
    saved(tmp_path / "a.pt", {"w": value})
    saved(tmp_path / "b.pt", {"w": value + 1})
    ended = run("stats", "a.pt")
    assert ended.returncode == 0
    assert "C128 values are not decoded" in ended.stdout + ended.stderr
    assert run("stats", "a.pt", "--strict").returncode == 1
    assert run("compare", "a.pt", "a.pt").returncode == 0
    assert run("compare", "a.pt", "b.pt").returncode == 1
    saved(tmp_path / "c.pt", {"w": value, "v": torch.ones(2, 2)})
    refused = run("init", "c.pt", "--scheme", "normal", "-o", "c.safetensors")
    assert refused.returncode == 2
    assert "safetensors has no dtype for C128" in refused.stderr
    assert run("init", "c.pt", "--scheme", "normal", "-o", "d.pt").returncode == 0
    assert torch.equal(torch.load(tmp_path / "d.pt", weights_only=True)["w"], value)


def test_headers_are_read_without_torch_and_numpy(state: State, tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pt", state)
    program = (
        "import sys; from initcli.formats.detect import open_checkpoint;"
        f"assert len(open_checkpoint({str(path)!r}).tensors) == 3;"
        "assert not {'torch', 'numpy', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
