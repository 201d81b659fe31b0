"""What a strict reader found once, and must not find again."""

from __future__ import annotations

import hashlib
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import initcli
from initcli.core.dtypes import DTYPES
from initcli.core.errors import OptionError, OutputError
from initcli.schemes.law import truncated_normal
from initcli.statistics.fold import summarise
from initcli.theory.judge import judge
from shell import COMMAND, neutral_environment


def test_the_same_seed_gives_the_same_bytes_whatever_torchs_threads(tmp_path: Path) -> None:
    (tmp_path / "wide.py").write_text(
        "from torch import nn\ndef build():\n    return nn.Linear(1500, 1497, bias=False)\n"
    )
    digests = set()
    for threads in ("1", "2"):
        subprocess.run(
            [
                COMMAND,
                "init",
                "wide.py:build",
                "--scheme",
                "orthogonal",
                "-o",
                f"{threads}.safetensors",
            ],
            cwd=tmp_path,
            env=neutral_environment(OMP_NUM_THREADS=threads),
            check=True,
            capture_output=True,
            timeout=120,
        )
        digests.add(hashlib.sha256((tmp_path / f"{threads}.safetensors").read_bytes()).digest())
    assert len(digests) == 1


@pytest.mark.parametrize("bounds", [(0, 10), (1, 10), (2, 10), (-1, 3)])
@pytest.mark.parametrize("count", [3, 4, 9, 16])
def test_skewed_laws_raise_no_false_alarms_in_small_tensors(
    bounds: tuple[int, int], count: int
) -> None:
    """2,000 draws at a nominal 0.001: more than 10 alarms have a chance below 1e-4."""
    draws = torch.nn.init.trunc_normal_(
        torch.empty(2000, count), 0, 1, *bounds, generator=torch.Generator().manual_seed(1)
    ).numpy()
    law, dtype = truncated_normal(0, 1, *bounds), DTYPES["F32"]
    scores = [judge(law, dtype, summarise(memoryview(row).cast("B"), dtype)) for row in draws]
    assert sum(score.mean.p < 1e-3 for score in scores) <= 10
    assert sum(score.variance.p < 1e-3 for score in scores) <= 10


@pytest.mark.parametrize(
    "scheme", ["normal(1, 1e-7)", "uniform(1, 1.000001)", "normal(1000, 1e-5)"]
)
def test_a_spread_below_float32s_resolution_is_not_checked(tmp_path: Path, scheme: str) -> None:
    source = tmp_path / "a.safetensors"
    save_file({"w": np.zeros((64, 64), np.float32)}, source)
    initcli.init(source, tmp_path / "b.safetensors", scheme=scheme)
    report = initcli.stats(tmp_path / "b.safetensors", scheme=scheme)
    assert report.passed
    assert report.rows[0].verdict == "not checked"
    assert "resolution of float32" in report.findings[0].message
    assert not initcli.stats(tmp_path / "b.safetensors", scheme=scheme, strict=True).passed


@pytest.mark.parametrize("scheme", ["normal(1e6, 1e4)", "uniform(-2e6, -1e6)"])
def test_a_law_beyond_the_dtype_is_off_and_no_crash(tmp_path: Path, scheme: str) -> None:
    values = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float16)
    save_file({"w": values}, tmp_path / "a.safetensors")
    report = initcli.stats(tmp_path / "a.safetensors", scheme=scheme)
    assert report.rows[0].verdict == "mean and variance off"


@pytest.mark.parametrize("size", [1e6, 1e9])
def test_outliers_that_cancel_leave_the_mean_exact(size: float) -> None:
    values = np.random.default_rng(0).standard_normal(65536).astype(np.float32)
    values[0], values[-1] = size, -size
    summary = summarise(memoryview(values).cast("B"), DTYPES["F32"])
    exact = values.astype(np.float64)
    mean = math.fsum(exact) / len(exact)
    assert summary.mean == pytest.approx(mean, rel=0, abs=size * 2**-52)
    assert summary.variance == pytest.approx(exact.var(), rel=1e-14)


def test_a_tied_tensor_is_found_by_any_of_its_names(tmp_path: Path, samples: Path) -> None:
    made = tmp_path / "tied.safetensors"
    initcli.init(samples / "tiny_gpt.py:tiny_gpt", made, scheme="normal", select=["head.weight"])
    assert [row.name for row in initcli.stats(made, select="head.weight").rows] == ["tok.weight"]
    report = initcli.compare(made, made, select="head.weight")
    assert [row.name for row in report.rows] == ["tok.weight"]
    assert report.passed


def test_metadata_that_happens_to_name_a_tensor_is_no_tie(tmp_path: Path) -> None:
    save_file(
        {"fc.weight": np.ones((2, 2), np.float32)},
        tmp_path / "a.safetensors",
        metadata={"largest": "fc.weight"},
    )
    report = initcli.init(tmp_path / "a.safetensors", scheme="eye", dry_run=True)
    assert [row.name for row in report.rows] == ["fc.weight"]


def test_exact_tolerances_refuse_a_lossy_cast_and_accept_a_faithful_one(
    tmp_path: Path, samples: Path
) -> None:
    from safetensors.torch import load_file, save_file

    wide = load_file(samples / "digits_mlp.safetensors")
    narrow = {name: value.to(torch.bfloat16) for name, value in wide.items()}
    save_file(narrow, tmp_path / "narrow.safetensors")
    save_file({n: v.float() for n, v in narrow.items()}, tmp_path / "widened.safetensors")
    source = samples / "digits_mlp.safetensors"
    assert initcli.compare(source, tmp_path / "narrow.safetensors").passed
    assert not initcli.compare(source, tmp_path / "narrow.safetensors", rtol=0, atol=0).passed
    paths = tmp_path / "narrow.safetensors", tmp_path / "widened.safetensors"
    assert initcli.compare(*paths, rtol=0, atol=0).passed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"parameters": {"mode": "fan_out"}}, "no --scheme"),
        ({"columns": "std,+fan_in"}, "either lists keys"),
        ({"columns": "++fan_in"}, "unknown column"),
        ({"columns": "-name,-shape,-dtype,-parameters"}, ""),
        ({"jobs": 0}, "at least 1"),
        ({"top": -1}, "at least 1"),
    ],
)
def test_an_option_is_never_ignored(
    samples: Path, arguments: dict[str, object], words: str
) -> None:
    run = initcli.stats
    if not words:
        assert run(samples / "faulty.safetensors", **arguments).table.columns
        return
    with pytest.raises(OptionError, match=words):
        run(samples / "faulty.safetensors", **arguments)


def test_no_checkpoint_is_no_success() -> None:
    with pytest.raises(OptionError, match="no checkpoint is given"):
        initcli.stats()


@pytest.mark.parametrize("seed", [-1, 10**23])
def test_a_seed_out_of_range_is_refused(samples: Path, seed: int) -> None:
    with pytest.raises(OptionError, match="seed"):
        initcli.init(samples / "mlp.py:mlp", scheme="eye", seed=seed, dry_run=True)


def test_groups_are_shown_and_the_rows_stay_tensors(samples: Path) -> None:
    report = initcli.stats(samples / "faulty.safetensors", by="layer")
    assert len(report.rows) == 24
    assert len(report.table.rows) == 12


@pytest.mark.parametrize("foreign", ["other.safetensors", "other.safetensors.index.json"])
def test_another_checkpoints_files_are_not_mixed_with_ours(
    tmp_path: Path, samples: Path, foreign: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / foreign).write_text("theirs")
    with pytest.raises(OutputError, match="another checkpoint's file"):
        initcli.init(samples / "tiny_gpt", tmp_path / "out", scheme="normal", force=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [foreign]
