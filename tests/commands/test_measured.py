"""What `stats` finds of rows, copies, and values that share bytes."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
from blake3 import blake3
from safetensors.numpy import load_file
from safetensors.torch import save_file, save_model

import initcli
from initcli.statistics import lines
from reported import by_name, found, matrix, raw_file

CONTEXT = "initcli 2026-11 hashes of consecutive segments of a tensor"
SEGMENT = 16 << 20
RNG = np.random.default_rng(0)


def test_the_dead_rows_and_the_copy_of_the_sample_are_found(samples: Path) -> None:
    report = initcli.stats(samples / "faulty.safetensors", rows=True, hashes=True)
    dead = found(report, "IC106")
    assert dead["layers.4.weight"].startswith("10 of 80 rows all zero: 20, 21, 22, 23, 24, …")
    assert set(dead) <= {"layers.4.weight", "embed.weight"}
    assert found(report, "IC105") == {"layers.7.weight": "the same bytes as layers.0.weight"}
    rows = by_name(report)
    assert (rows["layers.4.weight"].zero_rows, rows["layers.4.weight"].worst_row) == (
        10,
        "20: all zero",
    )
    assert (rows["layers.1.weight"].nonfinite_rows, rows["layers.1.weight"].worst_row) == (
        1,
        "3: 1 not finite",
    )
    assert rows["layers.1.weight"].worst_column == "5: 1 not finite"
    assert (rows["layers.3.weight"].zero_rows, rows["layers.5.weight"].constant_rows) == (80, 80)
    assert rows["layers.7.weight"].duplicate_of == "layers.0.weight"
    assert rows["layers.7.weight"].hash == rows["layers.0.weight"].hash
    assert rows["layers.0.weight"].zero_rows == rows["layers.0.weight"].outlying_rows == 0


def test_nothing_of_it_is_measured_unless_asked_for(samples: Path) -> None:
    report = initcli.stats(samples / "faulty.safetensors")
    assert not found(report, "IC105") | found(report, "IC106")
    row = by_name(report)["layers.4.weight"]
    assert row.zero_rows is row.hash is row.stable_rank is None
    assert not {"hash", "zero_rows", "stable_rank"} & set(report.table.records()[0])


def test_every_row_and_column_of_a_sample_is_as_numpy_has_it(samples: Path) -> None:
    rows = by_name(initcli.stats(samples / "faulty.safetensors", rows=True))
    for name, values in load_file(samples / "faulty.safetensors").items():
        if values.ndim < 2:
            assert rows[name].zero_rows is None
            continue
        hurt = ~np.isfinite(values)
        for axis, kind in ((1, "rows"), (0, "columns")):
            assert getattr(rows[name], f"zero_{kind}") == (~values.any(axis)).sum()
            assert getattr(rows[name], f"nonfinite_{kind}") == hurt.any(axis).sum()


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_hashes_are_those_of_the_bytes_whatever_the_jobs(samples: Path, jobs: int) -> None:
    rows = by_name(initcli.stats(samples / "faulty.safetensors", hashes=True, jobs=jobs))
    for name, values in load_file(samples / "faulty.safetensors").items():
        assert rows[name].hash == blake3(values.tobytes()).hexdigest()[:32]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tensor of three segments between others, with a dead row across the first border."""
    path = tmp_path_factory.mktemp("large") / "large.safetensors"
    values = torch.from_numpy(RNG.normal(0, 0.02, (9000, 1000)).astype(np.float32))
    values[SEGMENT // 4000] = 0
    save_file({"a": matrix(8, 8), "b": values, "c": values[:8, :8].clone()}, path)
    return path


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_a_tensor_of_several_segments_is_measured_as_one(large: Path, jobs: int) -> None:
    report = initcli.stats(large, rows=True, hashes=True, jobs=jobs)
    row, values = by_name(report)["b"], load_file(large)["b"]
    raw = values.tobytes()
    joined = b"".join(blake3(raw[at : at + SEGMENT]).digest() for at in range(0, len(raw), SEGMENT))
    assert row.hash == blake3(joined, derive_key_context=CONTEXT).hexdigest()[:32]
    assert (row.zero_rows, row.worst_row) == (1, "4194: all zero")
    assert found(report, "IC106") == {"b": "1 of 9,000 rows all zero: 4194"}
    assert row.zeros == 1000
    assert row.std == pytest.approx(values.std(dtype=np.float64), rel=1e-12)
    expected = np.quantile(values.astype(np.float64), 0.25, method="inverted_cdf")
    assert row.p25 == pytest.approx(expected, rel=2**-7)


def test_only_equal_matrices_of_equal_dtype_and_shape_are_copies(tmp_path: Path) -> None:
    one = matrix(6, 4)
    tensors = {
        "a.weight": one,
        "b.weight": one.clone(),
        "c.weight": one.clone().reshape(4, 6),
        "d.weight": one.clone().view(torch.int32),
        "e.weight": one + 1,
        "f.norm": torch.ones(4, 4),
        "g.norm": torch.ones(4, 4),
        "h.bias": matrix(7),
        "i.bias": matrix(7),
        "j.weight": torch.zeros(0, 4),
        "k.weight": torch.zeros(0, 4),
        "l.weight": torch.zeros(0, 4, 4),
        "m.weight": torch.zeros(0, 4, 4),
    }
    save_file(tensors, tmp_path / "copies.safetensors")
    report = initcli.stats(tmp_path, hashes=True)
    copies = {name: row.duplicate_of for name, row in by_name(report).items() if row.duplicate_of}
    assert copies == {"b.weight": "a.weight", "i.bias": "h.bias"}
    assert found(report, "IC105") == {"b.weight": "the same bytes as a.weight"}
    assert report.passed
    assert not initcli.stats(tmp_path, hashes=True, fail_on="warning").passed


def test_a_declared_tie_is_no_copy(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Embedding(12, 8), torch.nn.Linear(8, 12, bias=False))
    module[1].weight = module[0].weight
    save_model(module, str(tmp_path / "tied.safetensors"))
    report = initcli.stats(tmp_path, hashes=True, fail_on="warning")
    assert [row.duplicate_of for row in report.rows] == [None]
    assert report.passed


def test_copies_are_looked_for_within_a_checkpoint(tmp_path: Path) -> None:
    for name in "ab":
        save_file({"w": matrix(4, 4)}, tmp_path / f"{name}.safetensors")
    report = initcli.stats(tmp_path / "a.safetensors", tmp_path / "b.safetensors", hashes=True)
    assert [row.duplicate_of for row in report.rows] == [None, None]
    assert len({row.hash for row in report.rows}) == 1


NIBBLES = RNG.integers(0, 256, 48 * 20, np.uint8)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    return raw_file(
        tmp_path,
        {
            "four": ("F4", [48, 40], NIBBLES.tobytes()),
            "six": ("F6_E2M3", [4, 4], bytes(12)),
            "scale": ("F8_E8M0", [4, 4], bytes(range(120, 136))),
        },
    )


def test_values_of_four_bits_are_measured(packed: Path) -> None:
    report = initcli.stats(packed, rows=True, hashes=True, spectrum=True)
    row = by_name(report)["four"]
    halves = np.stack([NIBBLES & 15, NIBBLES >> 4], axis=1).astype(np.uint8)
    values = halves.view(ml_dtypes.float4_e2m1fn).astype(np.float64).reshape(48, 40)
    assert (row.mean, row.min, row.max) == (pytest.approx(values.mean(), rel=1e-14), -6, 6)
    assert (row.zeros, row.subnormal) == ((values == 0).sum(), (np.abs(values) == 0.5).sum())
    assert row.std == pytest.approx(values.std(), rel=1e-13)
    assert row.distinct == 15
    assert row.p25 == np.quantile(values, 0.25, method="inverted_cdf")
    assert row.hash == blake3(NIBBLES.tobytes()).hexdigest()[:32]
    singular = np.linalg.svd(values, compute_uv=False)
    assert row.largest_singular == pytest.approx(singular[0], rel=1e-9)
    assert (row.zero_rows, row.zero_columns) == (0, 0)
    assert by_name(report)["scale"].min == 2.0**-7


def test_values_of_six_bits_are_not_checked_and_strict_fails(packed: Path) -> None:
    report = initcli.stats(packed, rows=True, hashes=True)
    assert found(report, "IC901") == {
        "six": "not checked: safetensors does not say how F6_E2M3 values share their bytes"
    }
    assert by_name(report)["six"].mean is by_name(report)["six"].hash is None
    assert report.passed
    assert not initcli.stats(packed, strict=True).passed
    assert initcli.stats(packed, strict=True, exclude="six").passed


def test_too_many_rows_are_said_not_to_be_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MOST_ROWS", 100)
    monkeypatch.setattr(lines, "MOST_COLUMNS", 100)
    tensors = {"tall": matrix(101, 3), "wide": matrix(3, 101), "fits": matrix(100, 100)}
    save_file(tensors | {"bias": matrix(300)}, tmp_path / "w.safetensors")
    report = initcli.stats(tmp_path, rows=True)
    reason = "not measured: rows and columns: 101 {} are more than the 100 that are looked at"
    assert found(report, "IC903") == {
        "tall": reason.format("rows"),
        "wide": reason.format("columns"),
    }
    assert by_name(report)["tall"].zero_rows is None
    assert by_name(report)["fits"].zero_rows == 0
    assert not initcli.stats(tmp_path, rows=True, strict=True).passed
    assert initcli.stats(tmp_path, strict=True).passed


def test_matrices_that_are_not_looked_at_are_said_not_to_be(tmp_path: Path) -> None:
    tensors = {
        "codes": torch.arange(64, dtype=torch.int8).reshape(8, 8) % 7,
        "waves": torch.ones(8, 8, dtype=torch.complex64) * 1j,
        "steps": torch.arange(8),
    }
    tensors["codes"][3] = 0
    save_file(tensors, tmp_path / "w.safetensors")
    report = initcli.stats(tmp_path, rows=True, spectrum=True)
    assert by_name(report)["codes"].zero_rows == 1
    assert found(report, "IC903") == {
        "codes": "not measured: spectrum: of I8 values it is not computed",
        "waves": "not measured: rows and columns: of C64 values they are not looked at; "
        "spectrum: of C64 values it is not computed",
    }
