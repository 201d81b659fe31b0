"""Tensors in nested containers have the names that a user of `torch.load` expects."""

from __future__ import annotations

from argparse import Namespace
from collections import OrderedDict, defaultdict
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch

from initcli.core.errors import MalformedError
from initcli.formats.detect import open_checkpoint
from stored_bytes import contents_of
from torch_files import LAYOUTS, content_of, saved

pytestmark = pytest.mark.filterwarnings("ignore")


def t(seed: int = 0) -> torch.Tensor:
    return torch.full((2,), float(seed))


FLAT = OrderedDict({"fc.weight": t(1), "fc.bias": t(2)})
ADAM = {"state": {0: {"step": t(), "exp_avg": t(), "exp_avg_sq": t()}}, "param_groups": [{"lr": 1}]}
BELOW = "names are those below "

CONTENTS: dict[str, tuple[object, list[str], str]] = {
    "flat": (FLAT, ["fc.weight", "fc.bias"], ""),
    "plain dictionary": (dict(FLAT), ["fc.weight", "fc.bias"], ""),
    "state_dict": ({"state_dict": FLAT, "epoch": 3}, ["fc.weight", "fc.bias"], "state_dict"),
    "any one name": ({"encoder": FLAT, "x": "y"}, ["fc.weight", "fc.bias"], "encoder"),
    "twice wrapped": (
        {"model": {"state_dict": FLAT}},
        ["fc.weight", "fc.bias"],
        "model.state_dict",
    ),
    "in a tuple": ((FLAT, 3), ["fc.weight", "fc.bias"], "0"),
    "two models": (
        {"generator": {"w": t(1)}, "discriminator": {"w": t(2)}},
        ["generator.w", "discriminator.w"],
        "",
    ),
    "model and average": ({"model": {"w": t(1)}, "ema": {"w": t(2)}}, ["model.w", "ema.w"], ""),
    "beside a number": (
        {"state_dict": FLAT, "best": t(3)},
        ["fc.weight", "fc.bias", "best"],
        "state_dict",
    ),
    "beside a collision": (
        {"model": {"best": t(1), "w": t(2)}, "best": t(3)},
        ["model.best", "model.w", "best"],
        "",
    ),
    "callbacks": (
        {"callbacks": {"stop": {"score": t()}}, "state_dict": FLAT},
        ["callbacks.stop.score", "fc.weight", "fc.bias"],
        "state_dict",
    ),
    "extra state": (
        {"w": t(1), "_extra_state": {"scale": t(2)}},
        ["w", "_extra_state.scale"],
        "",
    ),
    "numbers for names": ({0: t(1), 1: t(2)}, ["0", "1"], ""),
    "a number and its text": ({1: t(1), "1": t(2)}, ["[1]", "1"], ""),
    "odd keys": (
        {(1, 2): t(1), None: t(2), 2.5: t(3), b"b": t(4)},
        ["[0]", "None", "2.5", "[3]"],
        "",
    ),
    "a list": ([t(1), t(2)], ["0", "1"], ""),
    "one tensor": (t(1), [""], ""),
    "a list of states": ({"models": [{"w": t(1)}, {"w": t(2)}]}, ["models.0.w", "models.1.w"], ""),
    "a default dictionary": (defaultdict(list, {"a": t(1)}), ["a"], ""),
    "an object's attributes": (Namespace(w=t(1), n=Namespace(v=t(2))), ["w", "n.v"], ""),
    "no tensors": ({"epoch": 3}, [], ""),
    "sparse alone": ({"w": torch.eye(2).to_sparse()}, ["w.indices", "w.values"], ""),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("content", "names", "below"), CONTENTS.values(), ids=CONTENTS)
def test_names(content: object, names: list[str], below: str, layout: str, tmp_path: Path) -> None:
    opened = open_checkpoint(saved(tmp_path / "w", content, layout))
    assert list(opened.tensors) == names
    told = [note.removeprefix(BELOW) for note in opened.notes if note.startswith(BELOW)]
    assert told == [below] * bool(below)


OPTIMISED: dict[str, tuple[object, list[str], list[str]]] = {
    "by its name": (
        {"model": {"w": t()}, "optimizer": {"m": t(1)}},
        ["w"],
        ["optimizer.m"],
    ),
    "by what it holds": (
        {"net": {"w": t()}, "adam": ADAM},
        ["w"],
        ["adam.state.0.step", "adam.state.0.exp_avg", "adam.state.0.exp_avg_sq"],
    ),
    "several": (
        {"state_dict": {"w": t()}, "optimizer_states": [ADAM, ADAM]},
        ["w"],
        [
            f"optimizer_states.{n}.state.0.{key}"
            for n in (0, 1)
            for key in ("step", "exp_avg", "exp_avg_sq")
        ],
    ),
    "alone": (ADAM, ["state.0.step", "state.0.exp_avg", "state.0.exp_avg_sq"], []),
    "a module of that name": (
        {"model": {"optimizer.weight": t()}},
        ["optimizer.weight"],
        [],
    ),
}


@pytest.mark.parametrize(("content", "model", "optimizer"), OPTIMISED.values(), ids=OPTIMISED)
def test_an_optimizer_is_set_apart(
    content: object, model: list[str], optimizer: list[str], tmp_path: Path
) -> None:
    path = saved(tmp_path / "w", content)
    opened, all_of_it = open_checkpoint(path), open_checkpoint(path, include_optimizer=True)
    assert list(opened.tensors) == model
    assert list(opened.optimizer) == optimizer
    left_out = [note for note in opened.notes if note.startswith("left out: ")]
    assert bool(left_out) == bool(optimizer)
    assert all("--include-optimizer" in note for note in left_out)
    assert {*all_of_it.tensors, *all_of_it.ties} == {*model, *optimizer}


def test_a_whole_optimizer_is_set_apart(tmp_path: Path) -> None:
    module = torch.nn.Linear(2, 3)
    adam = torch.optim.Adam(module.parameters())
    module(t()).sum().backward()
    adam.step()
    opened = open_checkpoint(saved(tmp_path / "w", {"model": module, "trained_by": adam}))
    assert list(opened.tensors) == ["weight", "bias"]
    assert all(name.startswith("trained_by.") for name in opened.optimizer)
    assert len(opened.optimizer) >= 6


def test_what_holds_itself_has_an_end(tmp_path: Path) -> None:
    loop: dict[str, object] = {"w": t()}
    loop["self"] = loop
    loop["list"] = [loop, {"deep": loop}]
    assert list(open_checkpoint(saved(tmp_path / "w", loop)).tensors) == ["w"]


def test_what_holds_no_tensor_is_passed_once_however_often_it_is_shared(tmp_path: Path) -> None:
    shared: object = [1]
    for _ in range(200):
        shared = [shared, shared]
    opened = open_checkpoint(saved(tmp_path / "w", {"w": t(), "x": shared}))
    assert list(opened.tensors) == ["w"]


def test_a_tensor_shared_beyond_reason_is_refused(tmp_path: Path) -> None:
    shared: object = t()
    for _ in range(40):
        shared = [shared, shared]
    with pytest.raises(MalformedError, match="more tensors than any model has"):
        open_checkpoint(saved(tmp_path / "w", {"x": shared}))


def test_of_two_tensors_of_one_name_the_first_is_read(tmp_path: Path) -> None:
    opened = open_checkpoint(saved(tmp_path / "w", {"a": {"b": t(1)}, "a.b": t(2)}))
    assert contents_of(opened) == {"a.b": content_of(t(1))}
    assert opened.unread == {"a.b": "another tensor has its name"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_name_may_be_empty(layout: str, tmp_path: Path) -> None:
    state = {"": t(1), "b": t(2)}
    opened = open_checkpoint(saved(tmp_path / "w", state, layout))
    assert contents_of(opened) == {name: content_of(value) for name, value in state.items()}


def test_depth_is_no_danger(tmp_path: Path) -> None:
    raw = b"}X\1\0\0\0wN" + b"\x85" * 200_000 + b"s."
    with ZipFile(tmp_path / "w", "w") as file:
        file.writestr("w/data.pkl", raw)
    assert not open_checkpoint(tmp_path / "w").tensors
