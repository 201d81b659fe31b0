"""Checkpoints of one model under other names: wrapped, converted, mapped by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

import initcli
from initcli.core.errors import OptionError
from initcli.statistics.pair import Tolerance
from joined import random, rows, saved, told
from shell import Run

Tensors = dict[str, torch.Tensor]


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.norm = nn.Linear(4, 8), nn.Linear(8, 4), nn.LayerNorm(4)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 4)
        self.blocks = nn.ModuleList(Block() for _ in range(3))


def net() -> Net:
    torch.manual_seed(0)
    return Net()


def compiled() -> Tensors:
    return dict(torch.compile(net(), backend="eager").state_dict())


def parallel() -> Tensors:
    return dict(nn.DataParallel(net()).state_dict())  # DistributedDataParallel's names are alike


def lightning() -> Tensors:
    return {f"model.{name}": each for name, each in net().state_dict().items()}


def compiled_within() -> Tensors:
    model = net()
    for block in model.blocks:
        block.fc1 = torch.compile(block.fc1, backend="eager")
    return dict(model.state_dict())


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return saved(tmp_path / "plain.safetensors", dict(net().state_dict()))


WRAPPED = {
    "compiled": (compiled, r"^_orig_mod\.="),
    "parallel": (parallel, r"^module\.="),
    "lightning": (lightning, r"^model\.="),
    "compiled within": (compiled_within, r"\b_orig_mod\.="),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_wrapper_is_proposed_as_an_option_and_followed(
    tmp_path: Path, plain: Path, kind: str
) -> None:
    make, option = WRAPPED[kind]
    made = saved(tmp_path / "wrapped.safetensors", make())
    report = initcli.compare(plain, made)
    assert not report.passed
    assert [each.rename for each in report.proposals] == [option]
    assert any(f"try --map '{option}'" in note for note in report.notes)
    assert initcli.compare(plain, made, renames=[option]).passed
    followed = initcli.compare(plain, made, follow_renames=True)
    assert followed.passed
    assert {row.name for row in followed.rows} == set(net().state_dict())
    assert any("followed --map" in note for note in followed.notes)


@pytest.mark.parametrize("kind", WRAPPED)
def test_the_other_way_round_it_is_followed_too(tmp_path: Path, plain: Path, kind: str) -> None:
    make, _ = WRAPPED[kind]
    made = saved(tmp_path / "wrapped.safetensors", make())
    assert initcli.compare(made, plain, follow_renames=True).passed
    report = initcli.compare(made, plain)
    pasted = [each.rename for each in report.proposals]
    assert initcli.compare(made, plain, renames=pasted).passed


def converted() -> Tensors:
    words = {"embed": "wte", "blocks": "h", "fc1": "mlp.up", "fc2": "mlp.down", "norm": "ln"}
    return {
        ".".join(words.get(word, word) for word in name.split(".")): each
        for name, each in net().state_dict().items()
    }


def test_equal_bytes_under_other_names_are_found(tmp_path: Path, plain: Path) -> None:
    made = saved(tmp_path / "converted.safetensors", converted())
    report = initcli.compare(plain, made)
    pasted = [each.rename for each in report.proposals]
    assert len(pasted) <= 5
    assert initcli.compare(plain, made, renames=pasted).passed
    followed = initcli.compare(plain, made, follow_renames=True)
    assert followed.passed
    assert rows(followed)["blocks.1.fc1.weight"].name_b == "h.1.mlp.up.weight"
    # All norms are ones and zeros: not told by their bytes, but by the rule of their neighbours.
    assert rows(followed)["blocks.2.norm.bias"].name_b == "h.2.ln.bias"


def test_what_changed_is_paired_by_the_rule_of_what_did_not(tmp_path: Path, plain: Path) -> None:
    tensors = converted()
    tensors["h.1.mlp.up.weight"] = tensors["h.1.mlp.up.weight"] + 1
    report = initcli.compare(plain, saved(tmp_path / "b.safetensors", tensors), follow_renames=True)
    assert {row.name for row in report.rows if row.is_difference} == {"blocks.1.fc1.weight"}


def test_only_what_may_be_equal_is_hashed(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.safetensors", {"x": random(4, 4), "y": random(3), "same": random(9)})
    b = saved(tmp_path / "b.safetensors", {"z": random(4, 4).double(), "same": random(9)})
    read = Counting()
    initcli.compare(a, b, progress=read)
    assert read.done == 64 + 12 + 128 + 2 * 36
    twin = saved(tmp_path / "twin.safetensors", {"z": random(4, 4), "same": random(9)})
    read = Counting()
    report = initcli.compare(a, twin, progress=read)
    assert read.done == 2 * 64 + 12 + 2 * 64 + 2 * 36
    assert [each.rename for each in report.proposals] == ["^z$=x"]
    assert read.done == read.total


class Counting:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def start(self, total: int) -> None:
        self.total += total

    def advance(self, count: int) -> None:
        self.done += count

    def finish(self) -> None:
        """Has nothing to end."""


def test_what_is_not_chosen_is_not_looked_for(tmp_path: Path) -> None:
    a = saved(tmp_path / "a.safetensors", {"x": random(4, 4), "same": random(9)})
    b = saved(tmp_path / "b.safetensors", {"z": random(4, 4), "same": random(9)})
    assert not initcli.compare(a, b, select="same").proposals
    chosen = initcli.compare(a, b, select="[xz]", follow_renames=True)
    assert told(chosen) == {"x": ("z", "identical", None)}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--map", r"^module\.="], 0, ""),
        (["--map", "^module="], 1, ""),
        (["--map", "a(b=c"], 2, "at position 1"),
        (["--map", "nothing"], 2, "REGEX=REPLACEMENT"),
        (["--map", r"\d="], 2, "both module.blocks.0"),
        (["--map", r"^module\.=", "--map", "absent="], 0, "--map absent= changes no name"),
        (["--follow-renames"], 0, r"followed --map '^module\.='"),
        ([], 1, r"try --map '^module\.='"),
        (["--match", "sideways"], 2, "cannot match 'sideways'"),
    ],
)
def test_the_command_renames_and_exits_by_what_is_left(
    run: Run, tmp_path: Path, plain: Path, arguments: list[str], code: int, message: str
) -> None:
    saved(tmp_path / "b.safetensors", parallel())
    done = run("compare", plain, "b.safetensors", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr


def test_machines_get_names_and_proposals(run: Run, tmp_path: Path, plain: Path) -> None:
    saved(tmp_path / "b.safetensors", parallel())
    done = run("compare", plain, "b.safetensors", "--format", "json")
    document = json.loads(done.stdout)
    assert document["proposals"] == [{"rename": r"^module\.=", "tensors": 19, "equal_bytes": None}]
    done = run("compare", plain, "b.safetensors", "--follow-renames", "--format", "json")
    tensors = json.loads(done.stdout)["tensors"]
    assert {each["name_b"] for each in tensors} == set(parallel())


@pytest.mark.parametrize(
    ("by_pattern", "beyond"),
    [
        ((), {"a.w", "b.w"}),
        ([("a.*", Tolerance(0, 1))], {"b.w"}),
        ([("*", Tolerance(0, 1))], set()),
        ([("*", Tolerance(0, 1)), ("b.w", Tolerance(0, 0.1))], {"b.w"}),
    ],
)
def test_the_last_tolerance_that_matches_holds(
    run: Run, tmp_path: Path, by_pattern: list[tuple[str, Tolerance]], beyond: set[str]
) -> None:
    a = saved(tmp_path / "a.safetensors", {"a.w": random(9), "b.w": random(9)})
    b = saved(tmp_path / "b.safetensors", {"a.w": random(9) + 0.5, "b.w": random(9) + 0.5})
    report = initcli.compare(a, b, tolerances=by_pattern)
    assert {row.name for row in report.rows if row.is_difference} == beyond
    options = [f"--tolerance={name}={one.relative},{one.absolute}" for name, one in by_pattern]
    assert run("compare", a, b, *options).returncode == bool(beyond)


@pytest.mark.parametrize("text", ["w", "w=1", "w=a,b", "=1,1", "w=-1,0", "absent=1,1"])
def test_a_tolerance_that_means_nothing_is_refused(run: Run, plain: Path, text: str) -> None:
    assert run("compare", plain, plain, "--tolerance", text).returncode == 2


def test_nothing_stops_the_rest_of_the_report(tmp_path: Path) -> None:
    tensors = {name: random(4, 4) for name in ("nan", "shape", "only_a", "cast", "good", "empty")}
    tensors["empty"] = torch.zeros(0, 4)
    other = dict(tensors) | {"nan": tensors["nan"].clone(), "shape": random(4, 5), "int": random(2)}
    other["nan"][0, 0] = math.nan
    other["cast"] = (random(4, 4) * 9).int()
    del other["only_a"]
    other["scalar"] = torch.tensor(1.0)
    a, b = saved(tmp_path / "a.safetensors", tensors), saved(tmp_path / "b.safetensors", other)
    for match in ("", "transposed,fused"):
        found = {
            name: status
            for name, (_, status, _) in told(initcli.compare(a, b, match=match)).items()
        }
        assert found == {
            "nan": "changed",
            "shape": "shape differs",
            "only_a": "only in A",
            "cast": "dtype differs",
            "good": "identical",
            "empty": "identical",
            "int": "only in B",
            "scalar": "only in B",
        }


def test_tied_names_are_renamed_with_what_they_are_tied_to(tmp_path: Path) -> None:
    from safetensors.torch import save_model

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Embedding(5, 4), nn.Linear(4, 5, bias=False)
            self.head.weight = self.embed.weight

    tied = Tied()
    save_model(nn.ModuleDict({"module": tied}), str(tmp_path / "b.safetensors"))
    a = saved(tmp_path / "a.safetensors", dict(tied.state_dict()))
    report = initcli.compare(a, tmp_path / "b.safetensors", follow_renames=True)
    assert report.passed, told(report)
    with pytest.raises(OptionError, match="both"):
        initcli.compare(a, a, renames=["embed|head=x"])
