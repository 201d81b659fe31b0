"""Checkpoints in a row are followed: against NumPy in float64, and with all that may go wrong."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import initcli
from initcli.core.errors import OptionError, PatternError
from initcli.engine import strands
from initcli.formats.storage.reading import Reader
from initcli.reports.timeline import TimelineReport, TimelineRow
from initcli.statistics.pair import Tolerance
from joined import random, saved
from reported import raw_file
from shell import Run

Tensors = dict[str, torch.Tensor]


def made(place: Path, *checkpoints: Tensors, name: str = "step{}.safetensors") -> list[Path]:
    return [saved(place / name.format(i), each) for i, each in enumerate(checkpoints)]


def by_name(report: TimelineReport) -> dict[str, TimelineRow]:
    return {row.name: row for row in report.rows}


@pytest.fixture(params=[strands.STRETCH_BYTES, 64], ids=["one stretch", "many stretches"])
def _stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strands, "STRETCH_BYTES", request.param)


def walk(steps: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """A random walk of a matrix."""
    moves = [random(7, 11, seed=seed) for seed in range(steps)]
    return [sum(moves[: i + 1], start=torch.zeros(7, 11)).to(dtype) for i in range(steps)]


@pytest.mark.usefixtures("_stretches")
@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_every_number_is_that_of_float64(tmp_path: Path, dtype: torch.dtype, jobs: int) -> None:
    values = walk(6, dtype)
    tensors = [{"w": each, "still": random(9), "b": each[0].clone()} for each in values]
    report = initcli.timeline(*made(tmp_path, *tensors), jobs=jobs)
    row, x = by_name(report)["w"], [each.double().numpy() for each in values]
    norm = np.linalg.norm
    whole, last = norm(x[0]), x[-1]
    drifts = [norm(each - x[0]) for each in x]
    steps = [norm(b - a) for a, b in itertools.pairwise(x)]
    assert row.norms == pytest.approx([norm(each) for each in x], rel=1e-6)
    assert row.distances == pytest.approx(drifts, rel=1e-6)
    assert row.steps is not None
    assert row.steps[0] is None
    assert row.steps[1:] == pytest.approx(steps, rel=1e-6)
    assert row.drift == pytest.approx(drifts[-1] / whole, rel=1e-6)
    assert row.drift_max == pytest.approx(max(drifts) / whole, rel=1e-6)
    assert row.drift_max_at == f"step{np.argmax(drifts)}.safetensors"
    assert row.step_max == pytest.approx(max(steps) / whole, rel=1e-6)
    assert row.step_max_at == f"step{np.argmax(steps) + 1}.safetensors"
    assert row.path == pytest.approx(sum(steps) / whole, rel=1e-6)
    assert row.straightness == pytest.approx(drifts[-1] / sum(steps), rel=1e-6)
    cosine = (x[0] * last).sum() / norm(x[0]) / norm(last)
    assert row.cosine == pytest.approx(cosine, rel=1e-6)
    assert (row.changes, row.within, row.absent) == (5, "no", 0)
    still = by_name(report)["still"]
    assert (still.changes, still.drift, still.path, still.within) == (0, 0, 0, "yes")
    assert still.straightness is None


def test_steps_are_those_of_compare(tmp_path: Path) -> None:
    paths = made(tmp_path, *({"w": each} for each in walk(4, torch.bfloat16)))
    row = by_name(initcli.timeline(*paths))["w"]
    assert row.distances is not None
    assert row.norms is not None
    for path, distance in zip(paths[1:], row.distances[1:], strict=True):
        (pair,) = initcli.compare(paths[0], path).rows
        assert distance == pytest.approx((pair.relative or 0) * (row.norms[0] or 0), rel=1e-12)


def test_every_byte_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = made(tmp_path, *({"w": each, "v": each[0].clone()} for each in walk(5)))
    read: list[int] = []
    original = Reader.read

    def watched(self: Reader, offset: int, buffer: memoryview) -> None:
        read.append(len(buffer))
        original(self, offset, buffer)

    monkeypatch.setattr(Reader, "read", watched)
    initcli.timeline(*paths)
    assert sum(read) == 5 * (7 * 11 + 11) * 4


def test_nothing_stops_the_rest(tmp_path: Path) -> None:
    good = {"good": random(4), "gone": random(4), "grown": random(4), "nan": random(4)}
    spoilt = {**good, "nan": torch.tensor([math.nan, 1, 2, math.inf]), "grown": random(5)}
    lacking = {name: each for name, each in good.items() if name != "gone"} | {"late": random(2)}
    cast = {name: each.bfloat16() for name, each in good.items()} | {"late": random(2)}
    paths = made(tmp_path, good, spoilt, lacking, cast, {"good": random(4)})
    report = initcli.timeline(*paths)
    rows = by_name(report)
    found = {name: (row.checkpoints, row.absent, row.within) for name, row in rows.items()}
    assert found == {
        "good": (5, 0, "yes"),
        "gone": (3, 2, "no"),
        "grown": (3, 2, "no"),
        "nan": (4, 1, "no"),
        "late": (2, 3, "no"),
    }
    assert rows["nan"].incomparable == 4  # both on the way there, both on the way back
    assert rows["nan"].drift is not None
    assert math.isfinite(rows["nan"].drift)
    assert rows["good"].dtype == "F32 → BF16"
    assert rows["late"].distances == [None, None, 0.0, 0.0, None]
    assert [step.absent for step in report.steps] == [1, 2, 1, 0, 4]


def test_what_only_one_has_is_told_and_not_read(tmp_path: Path) -> None:
    paths = made(tmp_path, {"a": random(2)}, {"a": random(2)}, {"a": random(2), "b": random(2)})
    row = by_name(initcli.timeline(*paths))["b"]
    assert (row.checkpoints, row.absent, row.changes, row.drift) == (1, 2, None, None)


@pytest.mark.parametrize(
    ("first", "then", "drift", "cosine"),
    [
        (torch.zeros(3), torch.ones(3), math.inf, None),  # as LoRA's B begins
        (torch.zeros(3), torch.zeros(3), 0.0, None),
        (torch.ones(3), torch.zeros(3), 1.0, None),
        (torch.ones(3), -torch.ones(3), 2.0, -1.0),
        (torch.zeros(0), torch.zeros(0), None, None),
    ],
)
def test_zeros_and_nothing_have_their_place(
    run: Run, tmp_path: Path, first: torch.Tensor, then: torch.Tensor, drift: float, cosine: float
) -> None:
    paths = made(tmp_path, *({"w": each} for each in (first, first, then)))
    (row,) = initcli.timeline(*paths).rows
    assert row.drift == drift
    assert row.cosine == (cosine if cosine is None else pytest.approx(cosine))
    json.loads(run("compare", *paths, "--format", "json").stdout, parse_constant=pytest.fail)


def test_by_step_pools_all_tensors(tmp_path: Path) -> None:
    walks = walk(4), [each * 3 for each in walk(4)]
    paths = made(tmp_path, *({"a": a, "b": b[0]} for a, b in zip(*walks, strict=True)))
    report = initcli.timeline(*paths, by="step")
    assert report.table.rows == report.steps
    x = [
        np.concatenate([a.double().numpy().ravel(), b[0].double().numpy()])
        for a, b in zip(*walks, strict=True)
    ]
    whole = np.linalg.norm(x[0])
    first, *others = report.steps
    assert (first.checkpoint, first.drift, first.step) == ("step0.safetensors", None, None)
    for t, row in enumerate(others, start=1):
        assert row.drift == pytest.approx(np.linalg.norm(x[t] - x[0]) / whole, rel=1e-6)
        assert row.step == pytest.approx(np.linalg.norm(x[t] - x[t - 1]) / whole, rel=1e-6)
        assert (row.tensors, row.changed, row.absent) == (2, 2, 0)


@pytest.mark.parametrize(
    ("given", "order", "is_told"),
    [
        (["s1", "s10", "s2"], ["s1", "s2", "s10"], True),  # as a shell sorts
        (["s1", "s2", "s10"], ["s1", "s2", "s10"], False),
        (["s10", "s2", "s1"], ["s10", "s2", "s1"], False),  # the user's own order
        (["s2", "s1", "s10"], ["s2", "s1", "s10"], False),
    ],
)
def test_a_shell_puts_ten_before_two(
    tmp_path: Path, given: list[str], order: list[str], is_told: bool
) -> None:
    for name in given:
        (tmp_path / name).mkdir()
        saved(tmp_path / name / "model.safetensors", {"w": random(3)})
    report = initcli.timeline(*(tmp_path / name for name in given))
    assert list(report.checkpoints) == order
    assert any("order of their numbers" in note for note in report.notes) is is_told
    inner = initcli.timeline(*(tmp_path / name / "model.safetensors" for name in given))
    assert list(inner.checkpoints) == order


def test_one_path_twice_has_two_labels(tmp_path: Path) -> None:
    (path,) = made(tmp_path, {"w": random(3)})
    report = initcli.timeline(path, path, path)
    assert len(report.checkpoints) == 3
    assert report.passed


def test_names_and_tolerances_are_as_in_compare(tmp_path: Path) -> None:
    plain, wrapped = {"w": random(3), "x": random(3)}, {"module.w": random(3) + 0.1, "x": random(3)}
    paths = made(tmp_path, plain, wrapped, wrapped)
    report = initcli.timeline(*paths, renames=[r"^module\.="], select="w")
    (row,) = report.rows
    assert (row.checkpoints, row.within) == (3, "no")
    loose = initcli.timeline(
        *paths, renames=[r"^module\.="], tolerances=[("w", Tolerance(0.0, 1.0))]
    )
    assert loose.passed
    assert [row.name for row in loose.table.rows] == ["w", "x"]
    changed = initcli.timeline(*paths, renames=[r"^module\.="], only_changed=True)
    assert [row.name for row in changed.table.rows] == ["w"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"by": "layer"}, OptionError),
        ({"columns": "max_abs"}, OptionError),
        ({"sort": "checkpoint"}, OptionError),
        ({"select": "absent"}, PatternError),
        ({"renames": ["x"]}, OptionError),
        ({"tolerances": [("absent", Tolerance(1.0, 1.0))]}, PatternError),
        ({"rtol": -1.0}, OptionError),
    ],
)
def test_what_means_nothing_is_refused(
    tmp_path: Path, arguments: dict[str, object], kind: type[Exception]
) -> None:
    paths = made(tmp_path, *({"w": each} for each in walk(3)))
    with pytest.raises(kind):
        initcli.timeline(*paths, **arguments)  # type: ignore[arg-type]


def test_the_command_follows_more_than_two(run: Run, tmp_path: Path) -> None:
    made(tmp_path, *({"w": each, "still": random(2)} for each in walk(3)))
    names = [f"step{i}.safetensors" for i in range(3)]
    done = run("compare", *names)
    assert done.returncode == 1
    assert "different: 2 tensors along 3 checkpoints, 1 never changed, 1 beyond" in done.stdout
    assert run("compare", *names, "--select", "still").returncode == 0
    assert run("compare", names[0], names[0], names[0]).returncode == 0
    assert "step1.safetensors" in run("compare", *names, "--by", "step").stdout
    assert run("compare", *names[:2], "--by", "step").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["step0.safetensors"], "nothing to compare with"),
        (["step0.safetensors"] * 3 + ["--match", "fused"], "--match is for two checkpoints"),
        (["step0.safetensors"] * 3 + ["--follow-renames"], "--follow-renames is for two"),
        (["step0.safetensors"] * 3 + ["--check-dtype"], "--check-dtype is for two"),
        (["step0.safetensors"] * 2 + ["absent.safetensors"], "absent.safetensors"),
    ],
)
def test_the_command_says_what_is_wrong(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    made(tmp_path, {"w": random(3)})
    done = run("compare", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_machines_get_the_whole_matrix(run: Run, tmp_path: Path) -> None:
    paths = made(tmp_path, *({"w": each} for each in walk(3)))
    document = json.loads(run("compare", *paths, "--format", "json").stdout)
    assert document["schema"] == "initcli.timeline/1"
    assert [each["label"] for each in document["checkpoints"]] == [path.name for path in paths]
    (tensor,), steps = document["tensors"], document["steps"]
    assert len(steps) == 3
    assert [len(tensor[key]) for key in ("norms", "distances", "steps", "cosines")] == [3] * 4
    (line,) = csv.DictReader(io.StringIO(run("compare", *paths, "--format", "csv").stdout))
    assert line["distances"] == " ".join(map(repr, tensor["distances"]))
    (line,) = run("compare", *paths, "--format", "jsonl").stdout.splitlines()
    assert json.loads(line) == tensor


def test_undecoded_dtypes_are_followed_byte_by_byte(tmp_path: Path) -> None:
    paths = []
    for i, raw in enumerate((b"\0\1\2", b"\0\1\2", b"\0\2\2")):
        (tmp_path / str(i)).mkdir()
        paths.append(raw_file(tmp_path / str(i), {"w": ("F6_E2M3", [4], raw)}))
    (row,) = initcli.timeline(*paths, rtol=9.0).rows
    assert (row.changes, row.within, row.drift) == (1, "no", None)
